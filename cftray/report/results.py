"""P1 and P2 side by side: scores, paired differences, verdicts; from records alone.

Rows exist for what a record holds: with only P1 evaluated there are its scores and no differences,
and a mean that an evaluation left out, because a part was missing, is missing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from cftray.data.scores import ItemScores, Level, Mean, TaskScores, means_over
from cftray.data.statistics import PairedTasks, Verdict, holm, spread, verdict, weighted_stderr
from cftray.errors import InternalError
from cftray.plan import Outcome, Plan
from cftray.store import Record, Store

SCORES_OUTPUT = "scores"
METHOD = "95 %, paired by item, bootstrap interval, sign-flip p, Holm"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_View):
    """A mean over `n` items, 0 to 1; over several replicas, the mean of theirs."""

    score: float
    stderr: float | None
    n: int


class Change(_View):
    """P2 minus P1. `low` to `high` is the 95 % interval over items; `p_adjusted` is Holm's over the
    rows of the same table; `seeds_sd` the standard deviation over replicas, null for one."""

    difference: float
    stderr: float | None
    low: float
    high: float
    p_value: float
    p_adjusted: float
    verdict: Verdict
    seeds_sd: float | None


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


def _pairs(plans: Sequence[Plan], store: Store) -> list[_Pair]:
    found: list[_Pair] = []
    for plan in plans:
        cache: dict[str, _Model | None] = {}
        found += [_pair(outcome, plan, store, cache) for outcome in plan.outcomes]
    return sorted(found, key=lambda pair: pair.seed) if len(plans) > 1 else found


def _results(pairs: Sequence[_Pair]) -> Results:
    whole = [pair for pair in pairs if pair.p1 is not None and pair.p2 is not None]
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
        if name not in cache:
            cache[name] = _model(_record(plan, store, name), store)
    return _Pair(outcome.seed, cache[outcome.p1_scores], cache[outcome.p2_scores])


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
    found = {mean.key: paired.difference(mean.weights) for mean in means}
    adjusted: dict[str, float] = {}
    for parts in (True, False):
        adjusted |= holm({mean.key: found[mean.key].p_value for mean in means if (mean.level is Level.PART) == parts})
    changes = {}
    for mean in means:
        one = found[mean.key]
        of_seeds = [
            sum(weight * float(each[task][seed].mean()) for task, weight in mean.weights.items())
            for seed in range(len(firsts))
        ]
        changes[mean.key] = Change(
            difference=one.difference,
            stderr=one.stderr,
            low=one.low,
            high=one.high,
            p_value=one.p_value,
            p_adjusted=adjusted[mean.key],
            verdict=verdict(one.difference, adjusted[mean.key], of_seeds),
            seeds_sd=spread(of_seeds),
        )
    return changes


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
