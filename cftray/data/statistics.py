"""Is the difference between two models more than noise? Paired by item; numpy and nothing else.

The difference of a mean is D = Σₖ wₖ d̄ₖ over tasks k, d̄ₖ the mean of the items' differences
(second model minus first). Items are the sample: they are drawn anew within their own task, so that
a benchmark keeps its languages and a suite its benchmarks.

- standard error: sqrt(Σₖ wₖ² sₖ² / nₖ), sₖ the sample standard deviation of the differences
- interval, 95 %: percentile bootstrap over items (Efron and Tibshirani, An Introduction to the
  Bootstrap, 1993, ch. 13)
- p: sign-flip permutation of the paired differences, p = (1 + #{|D*| >= |D|}) / (1 + flips), never 0
  (Phipson and Smyth, Permutation p-values should never be zero, 2010)
- many comparisons: Holm's step-down (A simple sequentially rejective multiple test procedure, 1979)

From `LARGE` items a task on, a resampled mean is drawn from the normal distribution that it then has
to good approximation, instead of from its items. Everything is seeded: equal items, equal figures.

Several replicas (seeds): differences are averaged over replicas per item, so that interval and p
speak of new items for these trained models; the spread of the replicas is given beside. A verdict
other than noise needs every replica's own difference on the same side.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)

Parts = Sequence[tuple[float, np.ndarray]]
"""(weight, values of the items) of each task."""

LEVEL = 0.05
BOOTSTRAPS = 2000
FLIPS = 4999
LARGE = 1000
SEED = 20240917
CHUNK = 1 << 20
"""Random numbers drawn at a time."""


class Verdict(StrEnum):
    """What a difference is, at the 5 % level after correction for the comparisons beside it."""

    RISES = "rises"
    FALLS = "falls"
    NOISE = "noise"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`low` and `high` bound the 95 % interval; `stderr` is null where a task has a single item."""

    difference: float
    stderr: float | None
    low: float
    high: float
    p_value: float
    n: int


class PairedTasks:
    """The items' differences of tasks, resampled once and combined as often as asked."""

    def __init__(self, differences: Mapping[str, np.ndarray]) -> None:
        """`differences` by task, float64 [items]."""
        self._differences = dict(differences)
        self._drawn: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def difference(self, weights: Mapping[str, float]) -> Difference:
        """Σ w d̄ over the tasks of `weights`, with interval and p."""
        parts = [(weight, self._differences[task]) for task, weight in weights.items()]
        centre = math.fsum(weight * float(values.mean()) for weight, values in parts)
        drawn = [(weight, self._draw(task)) for task, weight in weights.items()]
        resampled = sum(weight * means for weight, (means, _) in drawn)
        flipped = np.abs(sum(weight * means for weight, (_, means) in drawn))
        low, high = (float(one) for one in np.quantile(resampled, [LEVEL / 2, 1 - LEVEL / 2]))
        beyond = int((flipped >= abs(centre) * (1 - 1e-6)).sum())
        return Difference(
            difference=centre,
            stderr=weighted_stderr(parts),
            low=low,
            high=high,
            p_value=(1 + beyond) / (1 + FLIPS),
            n=sum(len(values) for _, values in parts),
        )

    def _draw(self, task: str) -> tuple[np.ndarray, np.ndarray]:
        """(bootstrap means, means under random signs) of a task; its generator is its own."""
        if task not in self._drawn:
            values = self._differences[task]
            random = np.random.default_rng([SEED, zlib.crc32(task.encode())])
            self._drawn[task] = (_bootstrap_means(values, random), _flipped_means(values, random))
        return self._drawn[task]


def weighted_stderr(parts: Parts) -> float | None:
    """sqrt(Σ w² s² / n) of a weighted sum of tasks' means; None where a task has a single item."""
    if any(len(values) < 2 for _, values in parts):
        return None
    return math.sqrt(math.fsum(weight**2 * float(values.var(ddof=1)) / len(values) for weight, values in parts))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjusted p of each comparison: the largest of (m − i) p₍ᵢ₎ so far in ascending order, at most 1."""
    adjusted: dict[Key, float] = {}
    largest, m = 0.0, len(p_values)
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda one: one[1])):
        largest = max(largest, min(1.0, (m - rank) * p))
        adjusted[name] = largest
    return adjusted


def agree(difference: float, replicas: Sequence[float]) -> bool:
    """Whether the differences of all replicas are on the side of their mean."""
    return all(one * difference > 0 for one in replicas)


def verdict(difference: float, adjusted_p: float, *, replicas_agree: bool, floor: float = 0.0) -> Verdict:
    """NOISE unless the corrected p is under 5 %, all replicas' differences agree in sign, and the difference is
    above `floor`: what execution alone moves, which no number of items tells apart from a finding."""
    if adjusted_p >= LEVEL or abs(difference) <= floor or not replicas_agree:
        return Verdict.NOISE
    return Verdict.RISES if difference > 0 else Verdict.FALLS


def spread(values: Sequence[float]) -> float | None:
    """Sample standard deviation over replicas; None for one."""
    return float(np.std(np.asarray(values), ddof=1)) if len(values) > 1 else None


def _bootstrap_means(values: np.ndarray, random: Any) -> np.ndarray:
    """[BOOTSTRAPS] means of as many items, drawn with replacement."""
    n = len(values)
    if n >= LARGE:
        return random.normal(values.mean(), values.std() / math.sqrt(n), BOOTSTRAPS)
    chosen = [values[random.integers(n, size=(rows, n))].mean(axis=1) for rows in _chunks(BOOTSTRAPS, n)]
    return np.concatenate(chosen)


def _flipped_means(values: np.ndarray, random: Any) -> np.ndarray:
    """[FLIPS] means under random signs. A difference of 0 has no sign, so only the others are drawn."""
    n, moved = len(values), values[values != 0]
    m = len(moved)
    if not m:
        return np.zeros(FLIPS)
    if m >= LARGE:
        return random.normal(0.0, math.sqrt(float((moved**2).sum())) / n, FLIPS)
    drawn = [random.integers(0, 2, size=(rows, m), dtype=np.int8).astype(float) @ moved for rows in _chunks(FLIPS, m)]
    return (2 * np.concatenate(drawn) - moved.sum()) / n


def _chunks(times: int, width: int) -> Iterator[int]:
    """Numbers of rows that make `times` together, with at most `CHUNK` values in each."""
    step = max(1, CHUNK // max(1, width))
    for start in range(0, times, step):
        yield min(step, times - start)
