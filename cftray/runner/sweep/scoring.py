"""How a trial stands at a rung: the scores that the objective names, from records alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from cftray.data.scores import ItemScores
from cftray.errors import DataError, InternalError, nearest
from cftray.evaluation.aggregate import scores_of
from cftray.plan import Outcome, Plan, Trial
from cftray.report.scored import SCORES_OUTPUT
from cftray.spec.sweep import Bound, Objective
from cftray.store import RungReached, Store

ROUNDING = 1e-9
"""What a difference of two scores may be off."""


def reached(plan: Plan, trial: Trial, rung: int, store: Store, objective: Objective) -> RungReached:
    """The trial at `rung`, from 1, whose stages are recorded: means over replicas.

    Raises DataError where a score that the objective names is not there.
    """
    at = trial.rungs[rung - 1]
    p1 = _means(plan, [(one.p1_scores, one.p1_judged) for one in at.outcomes], store, objective, "P1")
    p2 = _means(plan, [(_there(one), one.p2_judged) for one in at.outcomes], store, objective, "P2")
    violation = math.fsum(miss for bound in objective.subject_to for miss in _misses(bound, p1, p2))
    return RungReached(
        trial=trial.number,
        rung=rung,
        share=at.share,
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        p1=p1,
        p2=p2,
        value=p2[objective.maximise],
        violation=violation,
    )


def rank(value: float, violation: float) -> float:
    """One number by which trials are ordered: whoever keeps to the constraints before whoever does not, and these by
    how far they miss them (Deb's rule for constraints; Deb, 2000). Scores are 0 to 1."""
    return value if violation <= 0 else -1 - violation


def _misses(bound: Bound, p1: Mapping[str, float], p2: Mapping[str, float]) -> Iterator[float]:
    """By how much each side of a bound is missed; 0 where it holds."""
    score = p2[bound.score]
    over = [
        bound.at_least - score if bound.at_least is not None else 0.0,
        score - bound.at_most if bound.at_most is not None else 0.0,
        p1[bound.score] - score - bound.decline_at_most if bound.decline_at_most is not None else 0.0,
    ]
    yield from (miss for miss in over if miss > ROUNDING)


def _there(outcome: Outcome) -> str:
    if outcome.p2_scores is None:
        raise InternalError("a trial without P2 has no scores")
    return outcome.p2_scores


def _means(
    plan: Plan, stages: list[tuple[str, str | None]], store: Store, objective: Objective, model: str
) -> dict[str, float]:
    """Over replicas, the scores that the objective names, and the means of both suites where they are there."""
    replicas = [scores_of([_items(plan, name, store) for name in pair if name is not None]) for pair in stages]
    for name in objective.scores:
        if any(name not in scores for scores in replicas):
            known = sorted(set.intersection(*(set(scores) for scores in replicas)))
            expected = f"{nearest(name, known)}; a mean is there only when all its parts are"
            raise DataError(f"{model} has no score {name}: {expected}")
    wanted = dict.fromkeys([*objective.scores, "ta", "la"])
    return {
        name: statistics.fmean(scores[name] for scores in replicas)
        for name in wanted
        if all(name in scores for scores in replicas)
    }


def _items(plan: Plan, name: str, store: Store) -> ItemScores:
    fingerprint = plan.stage(name).fingerprint
    record = store.record(fingerprint) if fingerprint is not None else None
    if record is None:
        raise InternalError(f"{name} has no record, though its trial came past it")
    return ItemScores.read(store.output(record, SCORES_OUTPUT))
