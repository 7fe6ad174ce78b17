"""Scores: per item in a compact form that needs no Parquet reader, and which means stand over them.

What the evaluation writes beside the full items and what paired statistics read: a task's score is
the mean of its items' scores, and two models are compared item by item. The means:

    ta/ifeval        a task, where it is its benchmark's only one
    la/xquad/de      a task for one language of several
    la/xquad         mean over languages
    ta, la           mean over benchmarks
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from cftray.errors import InternalError


class TaskScores(BaseModel):
    """One task's main metric per item; `scores[i]` belongs to `items[i]`. Higher is better."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    suite: str
    benchmark: str
    language: str
    metric: str
    items: tuple[str, ...]
    scores: tuple[float, ...]

    @model_validator(mode="after")
    def _each_item_once(self) -> TaskScores:
        if len(self.items) != len(self.scores) or len(set(self.items)) != len(self.items):
            raise ValueError(f"{self.task}: each item needs one id of its own and one score")
        return self


class ItemScores(BaseModel):
    """All tasks of one model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[TaskScores, ...]

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
    """What a score is over: one part of a benchmark, a benchmark, a suite."""

    PART = "part"
    BENCHMARK = "benchmark"
    SUITE = "suite"


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


BY_LANGUAGE = "la"
"""The suite whose benchmarks always have a part for each language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A named score: the sum of its tasks' scores, each times its weight. Weights add up to 1.

    `language` is set for a part, `benchmark` for all but suites.
    """

    key: str
    level: Level
    suite: str
    benchmark: str | None
    language: str | None
    weights: Mapping[str, float]


def means_over(tasks: Iterable[TaskLike]) -> list[Mean]:
    """Every mean over `tasks`, in their order: parts before their benchmark, benchmarks before their suite."""
    suites: dict[str, dict[str, list[TaskLike]]] = {}
    for task in tasks:
        suites.setdefault(task.suite, {}).setdefault(task.benchmark, []).append(task)
    means = []
    for suite, benchmarks in suites.items():
        for benchmark, parts in benchmarks.items():
            means += _benchmark(suite, benchmark, parts)
        share = {part.task: 1 / len(benchmarks) / len(parts) for parts in benchmarks.values() for part in parts}
        means.append(Mean(key=suite, level=Level.SUITE, suite=suite, benchmark=None, language=None, weights=share))
    return means


def _benchmark(suite: str, benchmark: str, parts: list[TaskLike]) -> list[Mean]:
    key = f"{suite}/{benchmark}"
    found = []
    if len(parts) > 1 or suite == BY_LANGUAGE:
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
    share = {part.task: 1 / len(parts) for part in parts}
    found.append(Mean(key=key, level=Level.BENCHMARK, suite=suite, benchmark=benchmark, language=None, weights=share))
    return found
