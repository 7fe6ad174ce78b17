"""P1 and P2 side by side: scores, paired differences, verdicts; from records alone.

Rows exist for what a record holds: with only P1 evaluated there are its scores and no differences,
and a mean that an evaluation left out, because a part was missing, is missing here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict

from cftray.data.scores import ItemScores, Level, Mean, TaskScores, means_over
from cftray.data.statistics import (
    Difference,
    PairedTasks,
    Verdict,
    agree,
    holm,
    spread,
    verdict,
    weighted_stderr,
)
from cftray.errors import InternalError
from cftray.plan import Outcome, Plan
from cftray.store import Record, Store

SCORES_OUTPUT = "scores"
Key = TypeVar("Key", bound=Hashable)
METHOD = "95 %, paired by item, bootstrap interval, sign-flip p, Holm"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_View):
    """A mean over `n` items, 0 to 1; over several replicas, the mean of theirs."""

    score: float
    stderr: float | None
    n: int


class Change(_View):
    """P2 minus P1. `low` to `high` is the 95 % interval over items; `p_adjusted` is Holm's over the `among`
    comparisons of the same table; `seeds_sd` is the standard deviation over replicas, null for one, and
    `seeds_agree` says whether all of them are on one side."""

    difference: float
    stderr: float | None
    low: float
    high: float
    p_value: float
    p_adjusted: float
    among: int
    verdict: Verdict
    seeds_sd: float | None
    seeds_agree: bool


class Row(_View):
    """One named score (`ta/ifeval`, `la/xquad/de`, `la`) of both models."""

    key: str
    level: Level
    suite: str
    benchmark: str | None
    language: str | None
    metric: str | None
    p1: Score | None
    p2: Score | None
    change: Change | None


class Replica(_View):
    """One seed's own rows; `complete` when both models are evaluated."""

    seed: int
    complete: bool
    rows: tuple[Row, ...]


class Results(_View):
    """`rows` are over all complete replicas, or P1's alone while none is complete.

    There are two tables, each corrected for its own number of comparisons: benchmarks and suites
    (`comparisons`), and the parts of benchmarks (`part_comparisons`).
    """

    complete: bool
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    replicas: tuple[Replica, ...]
    comparisons: int
    part_comparisons: int
    method: str = METHOD


class _Model(NamedTuple):
    """One evaluated model: which scores its record vouches for, and its items by task."""

    keys: frozenset[str]
    tasks: Mapping[str, TaskScores]


class _Pair(NamedTuple):
    seed: int
    p1: _Model | None
    p2: _Model | None
    single: bool = False
    """Whether there is no P2, and never will be."""


def results(plan: Plan, store: Store) -> Results:
    """What the plan's records say so far. Raises InternalError where a record's scores can't be read."""
    return results_over([plan], store)


def results_over(plans: Sequence[Plan], store: Store) -> Results:
    """The replicas of several plans that differ in nothing but their seeds. Raises as `results` does."""
    return _results(_pairs(plans, store))


def against(first: Sequence[Plan], second: Sequence[Plan], store: Store) -> tuple[Row, ...]:
    """The P2 models of two sets of plans, paired by seed: `p1` of a row is the first's, `p2` the second's.

    Only seeds that both have evaluated count; without any there are no rows.
    """
    ours = {pair.seed: pair.p2 for pair in _pairs(first, store) if pair.p2 is not None}
    theirs = {pair.seed: pair.p2 for pair in _pairs(second, store) if pair.p2 is not None}
    return _rows([_Pair(seed, ours[seed], theirs[seed]) for seed in sorted(ours.keys() & theirs.keys())])


def corrected_together(changes: Mapping[Key, Change]) -> dict[Key, Change]:
    """The changes as comparisons of one table: Holm over all of them, and the verdicts that follow."""
    adjusted = holm({key: change.p_value for key, change in changes.items()})
    return {
        key: change.model_copy(
            update={
                "p_adjusted": adjusted[key],
                "among": len(changes),
                "verdict": verdict(change.difference, adjusted[key], replicas_agree=change.seeds_agree),
            }
        )
        for key, change in changes.items()
    }


def _pairs(plans: Sequence[Plan], store: Store) -> list[_Pair]:
    found: list[_Pair] = []
    for plan in plans:
        cache: dict[str, _Model | None] = {}
        found += [_pair(outcome, plan, store, cache) for outcome in plan.outcomes]
    return sorted(found, key=lambda pair: pair.seed) if len(plans) > 1 else found


def _results(pairs: Sequence[_Pair]) -> Results:
    whole = [pair for pair in pairs if pair.p1 is not None and (pair.p2 is not None or pair.single)]
    shown = whole or [pair for pair in pairs if pair.p1 is not None]
    rows = _rows(shown)
    replicas = tuple(
        Replica(seed=pair.seed, complete=pair in whole, rows=rows if shown == [pair] else _rows([pair]))
        for pair in pairs
    )
    compared = [row.level is Level.PART for row in rows if row.change is not None]
    return Results(
        complete=len(whole) == len(pairs),
        seeds=tuple(pair.seed for pair in shown),
        rows=rows,
        replicas=replicas,
        comparisons=compared.count(False),
        part_comparisons=compared.count(True),
    )


def _pair(outcome: Outcome, plan: Plan, store: Store, cache: dict[str, _Model | None]) -> _Pair:
    """Models that replicas share (an adopted P1) are read once."""
    for name in (outcome.p1_scores, outcome.p2_scores):
        if name is not None and name not in cache:
            cache[name] = _model(_record(plan, store, name), store)
    first = cache[outcome.p1_scores]
    if outcome.p2_scores is None:
        return _Pair(outcome.seed, first, None, single=True)
    return _Pair(outcome.seed, first, cache[outcome.p2_scores])


def _record(plan: Plan, store: Store, name: str) -> Record | None:
    fingerprint = plan.stage(name).fingerprint
    return None if fingerprint is None else store.record(fingerprint)


def _model(record: Record | None, store: Store) -> _Model | None:
    if record is None:
        return None
    items = ItemScores.read(store.output(record, SCORES_OUTPUT))
    return _Model(frozenset(record.metrics), {task.task: task for task in items.tasks})


def _rows(pairs: Sequence[_Pair]) -> tuple[Row, ...]:
    """Rows over the pairs; differences only where both models of all pairs have the score."""
    firsts = [pair.p1 for pair in pairs if pair.p1 is not None]
    seconds = [pair.p2 for pair in pairs if pair.p2 is not None]
    if not firsts:
        return ()
    means = [mean for mean in means_over(firsts[0].tasks.values()) if _vouched(mean, firsts)]
    changes = _changes([mean for mean in means if seconds and _vouched(mean, seconds)], firsts, seconds)
    rows = []
    for mean in means:
        tasks = [firsts[0].tasks[name] for name in mean.weights]
        row = Row(
            key=mean.key,
            level=mean.level,
            suite=mean.suite,
            benchmark=mean.benchmark,
            language=mean.language,
            metric=tasks[0].metric if mean.benchmark is not None else None,
            p1=_score(mean, firsts),
            p2=_score(mean, seconds) if mean.key in changes else None,
            change=changes.get(mean.key),
        )
        rows.append(row)
    return tuple(rows)


def _vouched(mean: Mean, models: Iterable[_Model]) -> bool:
    return all(mean.key in model.keys for model in models)


def _score(mean: Mean, models: Sequence[_Model]) -> Score:
    """Over models of several seeds, items are averaged first: they are the same items."""
    parts = [
        (weight, np.mean([_values(model, task) for model in models], axis=0)) for task, weight in mean.weights.items()
    ]
    return Score(
        score=sum(weight * float(values.mean()) for weight, values in parts),
        stderr=weighted_stderr(parts),
        n=sum(len(values) for _, values in parts),
    )


def _changes(means: Sequence[Mean], firsts: Sequence[_Model], seconds: Sequence[_Model]) -> dict[str, Change]:
    if not means:
        return {}
    tasks = sorted({task for mean in means for task in mean.weights})
    each = {task: [_paired(one, two, task) for one, two in zip(firsts, seconds, strict=True)] for task in tasks}
    paired = PairedTasks({task: np.mean(differences, axis=0) for task, differences in each.items()})
    found = {mean.key: _change(paired.difference(mean.weights), _of_seeds(mean, each)) for mean in means}
    changes: dict[str, Change] = {}
    for parts in (True, False):
        together = {mean.key: found[mean.key] for mean in means if (mean.level is Level.PART) == parts}
        changes |= corrected_together(together)
    return changes


def _of_seeds(mean: Mean, each: Mapping[str, Sequence[np.ndarray]]) -> list[float]:
    """The mean's difference in every replica; `each` has their items' differences by task."""
    replicas = range(len(each[next(iter(mean.weights))]))
    return [
        sum(weight * float(each[task][replica].mean()) for task, weight in mean.weights.items()) for replica in replicas
    ]


def _change(found: Difference, of_seeds: Sequence[float]) -> Change:
    """A difference by itself, not corrected for any other."""
    seeds_agree = agree(found.difference, of_seeds)
    return Change(
        difference=found.difference,
        stderr=found.stderr,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        p_adjusted=found.p_value,
        among=1,
        verdict=verdict(found.difference, found.p_value, replicas_agree=seeds_agree),
        seeds_sd=spread(of_seeds),
        seeds_agree=seeds_agree,
    )


def _paired(first: _Model, second: _Model, task: str) -> np.ndarray:
    """Second minus first, item by item in the first's order. Raises InternalError where items differ."""
    ours, theirs = first.tasks[task], second.tasks[task]
    if ours.items != theirs.items:
        raise InternalError(f"{task}: the two models were scored on different items, so they can't be compared")
    differences: np.ndarray = _values(second, task) - _values(first, task)
    return differences


def _values(model: _Model, task: str) -> np.ndarray:
    values: np.ndarray = np.asarray(model.tasks[task].scores, dtype=float)
    return values
