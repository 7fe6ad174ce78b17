"""From replicas' items to rows: scores, paired differences, verdicts.

A mean is scored where all its tasks are, item for item, in every replica. Over several replicas items are averaged
first: they are the same items.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from cftray.data.scores import BY_LANGUAGE, PAPER, Level, Mean, Part, TaskScores, means_over
from cftray.data.statistics import (
    Difference,
    PairedTasks,
    agree,
    holm,
    spread,
    verdict,
    weighted_stderr,
)
from cftray.errors import InternalError
from cftray.report.scored import Model, Pair
from cftray.report.taught import group_means
from cftray.report.views import Change, LanguageGroup, Row, Score

Key = TypeVar("Key", bound=Hashable)


class Compared(NamedTuple):
    """Rows over some replicas, and what the groups among them are over."""

    rows: tuple[Row, ...]
    groups: tuple[LanguageGroup, ...] = ()


def compared(pairs: Sequence[Pair], taught: frozenset[str] | None = None) -> Compared:
    """Rows over the replicas; differences where both models of all of them have the score.

    `taught` are the languages of phase 2's data; None: not known, and LA is not split. Raises InternalError where the
    models were scored on different items.
    """
    firsts = [pair.p1 for pair in pairs if pair.p1 is not None]
    seconds = [pair.p2 for pair in pairs if pair.p2 is not None]
    if not firsts:
        return Compared(())
    tasks, expected = _known([*firsts, *seconds])
    means = means_over(tasks.values(), expected.values())
    split, groups = group_means(means, tasks, taught)
    means += split
    floors = {mean.key: floor for mean in means if (floor := _floor(mean, pairs)) is not None}
    both = [mean for mean in means if len(seconds) == len(firsts) and _whole(mean, [*firsts, *seconds])]
    changes = _changes(both, firsts, seconds, floors)
    rows = tuple(
        _row(mean, tasks, expected, firsts, seconds, changes.get(mean.key), floors.get(mean.key)) for mean in means
    )
    return Compared(rows, groups)


def corrected_together(changes: Mapping[Key, Change]) -> dict[Key, Change]:
    """The changes as comparisons of one family: Holm over all of them, and the verdicts that follow."""
    adjusted = holm({key: change.p_value for key, change in changes.items()})
    return {
        key: change.model_copy(
            update={
                "p_adjusted": adjusted[key],
                "among": len(changes),
                "verdict": verdict(
                    change.difference,
                    adjusted[key],
                    replicas_agree=change.seeds_agree,
                    floor=change.noise or 0.0,
                ),
            }
        )
        for key, change in changes.items()
    }


def family(level: Level, *, paper: bool) -> tuple[str, bool]:
    """What a comparison is corrected with: see `views.Results`."""
    return ("headline" if level in (Level.BENCHMARK, Level.SUITE) else level.value), paper


def _known(models: Iterable[Model]) -> tuple[dict[str, TaskScores], dict[str, Part]]:
    """Every task of the models, as one of them has it, in the pack's order; and all that the pack has."""
    tasks: dict[str, TaskScores] = {}
    expected: dict[str, Part] = {}
    for model in models:
        expected = model.expected | expected
        tasks = model.tasks | tasks
    places = {name: place for place, name in enumerate(expected)}
    ordered = sorted(tasks, key=lambda name: places.get(name, len(places)))
    return {name: tasks[name] for name in ordered}, expected


def _whole(mean: Mean, models: Iterable[Model]) -> bool:
    return all(name in model.tasks and model.tasks[name].whole for model in models for name in mean.weights)


def _row(
    mean: Mean,
    tasks: Mapping[str, TaskScores],
    expected: Mapping[str, Part],
    firsts: Sequence[Model],
    seconds: Sequence[Model],
    change: Change | None,
    floor: float | None,
) -> Row:
    first = tasks[next(iter(mean.weights))]
    other = first.paper_metric if mean.paper else None
    parts, of = _coverage(mean, tasks, expected)
    return Row(
        key=mean.key,
        level=mean.level,
        suite=mean.suite,
        benchmark=mean.benchmark,
        language=mean.language,
        metric=None if mean.benchmark is None else other or first.metric,
        p1=_score(mean, firsts) if _whole(mean, firsts) else None,
        p2=_score(mean, seconds) if seconds and _whole(mean, seconds) else None,
        change=change,
        paper=mean.paper,
        whole=mean.whole,
        parts=None if mean.whole else parts,
        parts_of=None if mean.whole else of,
        noise=floor,
    )


def _coverage(mean: Mean, tasks: Mapping[str, TaskScores], expected: Mapping[str, Part]) -> tuple[int, int]:
    """How many languages (in other suites: tasks) a mean is over, and how many there are."""
    inside = [tasks[name] for name in mean.weights]
    there = [one for one in expected.values() if one.suite == mean.suite and mean.benchmark in (None, one.benchmark)]
    if mean.suite == BY_LANGUAGE:
        return len({one.language for one in inside}), len({one.language for one in there})
    return len(inside), len(there)


def _score(mean: Mean, models: Sequence[Model]) -> Score:
    parts = [
        (weight, np.mean([_values(model, column) for model in models], axis=0))
        for column, weight in _columns(mean, models[0]).items()
    ]
    return Score(
        score=sum(weight * float(values.mean()) for weight, values in parts),
        stderr=weighted_stderr(parts),
        n=sum(len(values) for _, values in parts),
    )


def _floor(mean: Mean, pairs: Sequence[Pair]) -> float | None:
    """How far two evaluations of one P1 differ, the largest over replicas; None where none was made twice."""
    found = [
        abs(_score(mean, [pair.again[1]]).score - _score(mean, [pair.again[0]]).score)
        for pair in pairs
        if pair.again is not None and _whole(mean, pair.again)
    ]
    return max(found, default=None)


def _changes(
    means: Sequence[Mean], firsts: Sequence[Model], seconds: Sequence[Model], floors: Mapping[str, float]
) -> dict[str, Change]:
    if not means:
        return {}
    weights = {mean.key: _columns(mean, firsts[0]) for mean in means}
    columns = sorted({column for one in weights.values() for column in one})
    each = {column: [_paired(*both, column) for both in zip(firsts, seconds, strict=True)] for column in columns}
    paired = PairedTasks({column: np.mean(differences, axis=0) for column, differences in each.items()})
    families: dict[tuple[str, bool], dict[str, Change]] = {}
    for mean in means:
        of_mean = weights[mean.key]
        change = _change(paired.difference(of_mean), _of_seeds(of_mean, each), floors.get(mean.key))
        families.setdefault(family(mean.level, paper=mean.paper), {})[mean.key] = change
    return {key: change for one in families.values() for key, change in corrected_together(one).items()}


def _of_seeds(weights: Mapping[str, float], each: Mapping[str, Sequence[np.ndarray]]) -> list[float]:
    """A mean's difference in every replica; `each` has the items' differences by column."""
    replicas = range(len(each[next(iter(weights))]))
    return [
        sum(weight * float(each[column][replica].mean()) for column, weight in weights.items()) for replica in replicas
    ]


def _change(found: Difference, of_seeds: Sequence[float], floor: float | None) -> Change:
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
        verdict=verdict(found.difference, found.p_value, replicas_agree=seeds_agree, floor=floor or 0.0),
        seeds_sd=spread(of_seeds),
        seeds_agree=seeds_agree,
        noise=floor,
    )


def _paired(first: Model, second: Model, column: str) -> np.ndarray:
    """Second minus first, item by item in the first's order. Raises InternalError where items differ."""
    task = column.removeprefix(PAPER)
    if first.tasks[task].items != second.tasks[task].items:
        raise InternalError(f"{task}: the two models were scored on different items, so they can't be compared")
    differences: np.ndarray = _values(second, column) - _values(first, column)
    return differences


def _columns(mean: Mean, model: Model) -> dict[str, float]:
    """The weights by column of items: a task, or `paper/task` where the paper's metric of it is another."""
    return {
        f"{PAPER if mean.paper and model.tasks[task].paper_metric is not None else ''}{task}": weight
        for task, weight in mean.weights.items()
    }


def _values(model: Model, column: str) -> np.ndarray:
    task = column.removeprefix(PAPER)
    values: np.ndarray = np.asarray(model.tasks[task].of(paper=column != task), dtype=float)
    return values
