"""Scores of both phases and their differences, over the seeds, under names that sort well.

`p1/ta/ifeval`, `p2/ta/ifeval` and `change/ta/ifeval` are the score, or its mean over the seeds; then
`…/std` is the sample standard deviation. With one seed `p1/ta/ifeval/stderr` is the task's own. How
many items there were stays on the run of the evaluation. A judge's scores stand among those of the evaluation whose
answers it judged, with the means that are whole with them; what was not scored whole is absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev

from cftray.data.scores import ItemScores
from cftray.evaluation.aggregate import OF_SCORED, metrics_of
from cftray.plan import Outcome, Plan
from cftray.store import Record, Store

STDERR, ITEMS = "/stderr", "/n"
SCORES_OUTPUT = "scores"


def judged_too(plan: Plan, records: Mapping[str, Record], store: Store) -> dict[str, Record]:
    """The records, those of evaluations with the metrics that a recorded judge adds to theirs.

    Raises InternalError where items' scores can't be read.
    """
    shown = dict(records)
    for outcome in plan.outcomes:
        for scores, name in ((outcome.p1_scores, outcome.p1_judged), (outcome.p2_scores, outcome.p2_judged)):
            judged = _recorded(plan, name, store)
            if judged is not None and scores is not None and scores in records:
                both = [ItemScores.read(store.output(one, SCORES_OUTPUT)) for one in (records[scores], judged)]
                metrics = records[scores].metrics | metrics_of(both)
                shown[scores] = records[scores].model_copy(update={"metrics": metrics})
    return shown


def without_counts(metrics: Mapping[str, float]) -> dict[str, float]:
    """Scores and their standard errors alone; a mean over the items that happened to be scored is no score."""
    return {name: value for name, value in metrics.items() if not name.endswith(ITEMS) and OF_SCORED not in name}


def without_details(metrics: Mapping[str, float]) -> dict[str, float]:
    """Scores alone."""
    return {name: value for name, value in without_counts(metrics).items() if not name.endswith(STDERR)}


def scored_outcomes(
    plan: Plan, records: Mapping[str, Record], *, over: bool
) -> dict[int, tuple[Outcome, ...]]:
    """By phase, the outcomes whose scores count.

    All or none while the experiment goes on, since a mean over other seeds would be another figure
    under the same name; what there is once it is over.
    """
    scored = {
        1: tuple(one for one in plan.outcomes if one.p1_scores in records),
        2: tuple(one for one in plan.outcomes if one.p2_scores in records),
    }
    return {phase: some if over or len(some) == len(plan.outcomes) else () for phase, some in scored.items()}


def experiment_scores(
    scored: Mapping[int, tuple[Outcome, ...]], records: Mapping[str, Record]
) -> dict[str, float]:
    """Figures of the experiment's own run, by name."""
    first = [records[one.p1_scores].metrics for one in scored[1]]
    second = {one.seed: records[one.p2_scores].metrics for one in scored[2] if one.p2_scores is not None}
    both = [one for one in scored[1] if one.seed in second]
    changes = [_change(records[one.p1_scores].metrics, second[one.seed]) for one in both]
    return _phase("p1", first) | _phase("p2", list(second.values())) | _phase("change", changes)


def _recorded(plan: Plan, name: str | None, store: Store) -> Record | None:
    fingerprint = plan.stage(name).fingerprint if name is not None else None
    return None if fingerprint is None else store.record(fingerprint)


def _phase(name: str, replicas: list[dict[str, float]]) -> dict[str, float]:
    if len(replicas) == 1:
        return {f"{name}/{key}": value for key, value in without_counts(replicas[0]).items()}
    figures: dict[str, float] = {}
    for key in without_details(replicas[0]) if replicas else ():
        values = [one[key] for one in replicas if key in one]
        if len(values) == len(replicas):
            figures[f"{name}/{key}"] = fmean(values)
            figures[f"{name}/{key}/std"] = stdev(values)
    return figures


def _change(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {key: after[key] - value for key, value in without_details(before).items() if key in after}
