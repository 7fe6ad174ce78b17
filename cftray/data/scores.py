"""Scores: per item in a compact form that needs no Parquet reader, and which means stand over them.

What the evaluation writes beside the full items and what paired statistics read: a task's score is
the mean of its items' scores, and two models are compared item by item. The means:

    ta/ifeval         a task, where it is its benchmark's only one
    la/xquad/de       a task for one language of several
    la/xquad          mean over languages
    ta, la            mean over benchmarks
    la/xquad/asked    mean over the languages asked for, where those are not all; `la/asked` likewise
    paper/…           the same with the metric that the paper's printed figures fit, where that is another

A mean over parts is there only when all its parts are: a task that is missing, or some of whose items could
not be scored, takes every mean over it along.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from cftray.errors import InternalError


class TaskScores(BaseModel):
    """One task's scores per item; `scores[i]`, of the task's main metric, belongs to `items[i]`. Higher is better.

    `others` are further metrics over the same items. `unscored` names items that could not be scored, with the
    reason: such a task has no score. A task that is not `counted` is no part of any mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    suite: str
    benchmark: str
    language: str
    metric: str
    items: tuple[str, ...]
    scores: tuple[float, ...]
    paper_metric: str | None = None
    others: Mapping[str, tuple[float, ...]] = {}
    unscored: Mapping[str, str] = {}
    counted: bool = True

    @model_validator(mode="after")
    def _each_item_once(self) -> TaskScores:
        columns = [self.scores, *self.others.values()]
        named = {*self.items, *self.unscored}
        if any(len(one) != len(self.items) for one in columns) or len(named) != len(self.items) + len(self.unscored):
            raise ValueError(f"{self.task}: each item needs one id of its own and one score")
        if self.paper_metric is not None and self.paper_metric not in self.others:
            raise ValueError(f"{self.task}: {self.paper_metric} is not among its metrics")
        return self

    @property
    def whole(self) -> bool:
        """Whether every item has been scored, and there is one."""
        return bool(self.items) and not self.unscored

    def of(self, *, paper: bool) -> tuple[float, ...]:
        """The items' scores; with `paper`, those of the paper's metric, where it is another."""
        return self.others[self.paper_metric] if paper and self.paper_metric is not None else self.scores


class Part(BaseModel):
    """A task as its pack has it, whether or not it was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    suite: str
    benchmark: str
    language: str
    paper_metric: str | None = None
    counted: bool = True


class ItemScores(BaseModel):
    """All tasks of one model that were scored; `expected` are all that the pack has for their suites."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[TaskScores, ...]
    expected: tuple[Part, ...] = ()

    def write(self, path: Path) -> None:
        """Gzipped JSON; equal scores give equal bytes."""
        path.write_bytes(gzip.compress(self.model_dump_json().encode(), mtime=0))

    @classmethod
    def read(cls, path: Path) -> ItemScores:
        """The scores at `path`. Raises InternalError where they can't be read."""
        try:
            return cls.model_validate_json(gzip.decompress(path.read_bytes()))
        except (OSError, EOFError, ValueError) as error:
            raise InternalError(f"{path.name}: per-item scores can't be read: {error}") from error


class Level(StrEnum):
    """What a score is over: one part of a benchmark, a benchmark, a suite, a group of a suite's languages."""

    PART = "part"
    BENCHMARK = "benchmark"
    SUITE = "suite"
    GROUP = "group"


class TaskLike(Protocol):
    """What `means_over` needs to know of a task."""

    @property
    def task(self) -> str: ...
    @property
    def suite(self) -> str: ...
    @property
    def benchmark(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def paper_metric(self) -> str | None: ...
    @property
    def counted(self) -> bool: ...


BY_LANGUAGE = "la"
"""The suite whose benchmarks always have a part for each language."""

PAPER, ASKED = "paper/", "/asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A named score: the sum of its tasks' scores, each times its weight. Weights add up to 1.

    `language` is set for a part, `benchmark` for all but suites. `paper`: over the paper's metrics. `whole` is
    false where it is over the parts asked for and the pack has more.
    """

    key: str
    level: Level
    suite: str
    benchmark: str | None
    language: str | None
    weights: Mapping[str, float]
    paper: bool = False
    whole: bool = True


def means_over(asked: Iterable[TaskLike], expected: Iterable[TaskLike] = ()) -> list[Mean]:
    """Every mean over `asked` tasks, in their order: parts before their benchmark, benchmarks before their suite.

    `expected` are all the tasks of the pack's suites, those asked for if it is empty. A suite of which a benchmark
    was left out has no mean. A task that is not counted is a part, and of no mean. The paper's means come last.
    """
    tasks = list(asked)
    pack = _grouped(list(expected) or tasks)
    means = []
    for suite, benchmarks in _grouped(tasks).items():
        for benchmark, parts in benchmarks.items():
            means += _benchmark(suite, benchmark, parts, pack[suite][benchmark])
        counted, all_of_them = _counted(benchmarks), _counted(pack[suite])
        if counted and counted.keys() == all_of_them.keys():
            means.append(_suite(suite, counted, all_of_them))
    return means + _paper(means, tasks)


def _counted(benchmarks: Mapping[str, list[TaskLike]]) -> dict[str, list[TaskLike]]:
    """Each benchmark's tasks that count in means, without benchmarks that have none."""
    counted = {name: [task for task in tasks if task.counted] for name, tasks in benchmarks.items()}
    return {name: tasks for name, tasks in counted.items() if tasks}


def _grouped(tasks: Sequence[TaskLike]) -> dict[str, dict[str, list[TaskLike]]]:
    suites: dict[str, dict[str, list[TaskLike]]] = {}
    for task in tasks:
        suites.setdefault(task.suite, {}).setdefault(task.benchmark, []).append(task)
    return suites


def _suite(suite: str, benchmarks: Mapping[str, list[TaskLike]], pack: Mapping[str, list[TaskLike]]) -> Mean:
    share = {part.task: 1 / len(benchmarks) / len(parts) for parts in benchmarks.values() for part in parts}
    whole = all(len(parts) == len(pack[benchmark]) for benchmark, parts in benchmarks.items())
    key = suite if whole else suite + ASKED
    return Mean(key=key, level=Level.SUITE, suite=suite, benchmark=None, language=None, weights=share, whole=whole)


def _benchmark(suite: str, benchmark: str, parts: list[TaskLike], pack: list[TaskLike]) -> list[Mean]:
    key = f"{suite}/{benchmark}"
    found = []
    if len(pack) > 1 or suite == BY_LANGUAGE:
        for part in parts:
            name = part.language if suite == BY_LANGUAGE else part.task
            one = Mean(
                key=f"{key}/{name}",
                level=Level.PART,
                suite=suite,
                benchmark=benchmark,
                language=part.language,
                weights={part.task: 1.0},
            )
            found.append(one)
    counted = [part for part in parts if part.counted]
    if not counted:
        return found
    whole = len(counted) == sum(part.counted for part in pack)
    mean = Mean(
        key=key if whole else key + ASKED,
        level=Level.BENCHMARK,
        suite=suite,
        benchmark=benchmark,
        language=None,
        weights={part.task: 1 / len(counted) for part in counted},
        whole=whole,
    )
    return [*found, mean]


def _paper(means: Sequence[Mean], tasks: Sequence[TaskLike]) -> list[Mean]:
    """The means that another metric of the paper's changes."""
    other = {task.task for task in tasks if task.paper_metric is not None}
    return [
        Mean(
            key=PAPER + mean.key,
            level=mean.level,
            suite=mean.suite,
            benchmark=mean.benchmark,
            language=mean.language,
            weights=mean.weights,
            paper=True,
            whole=mean.whole,
        )
        for mean in means
        if other.intersection(mean.weights)
    ]
