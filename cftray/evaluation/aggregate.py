"""From tasks to flat metrics: means that exist only when all their parts do.

Each has `/stderr` and `/n` beside it. A task's standard error is s / sqrt(n) with the sample standard
deviation s (as lm-eval's mean_stderr). Items are independent of each other, so the standard error of
Σ wᵢ scoreᵢ is sqrt(Σ (wᵢ seᵢ)²).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from cftray.data.scores import Mean, TaskLike, means_over
from cftray.errors import InternalError


class TaskScore(NamedTuple):
    """A mean over `n` items; `stderr` is null where one item can't tell."""

    score: float
    stderr: float | None
    n: int


def mean_and_stderr(scores: Sequence[float]) -> TaskScore:
    """Mean of a task's items and its standard error. Raises InternalError where there are none."""
    if not scores:
        raise InternalError("a task without items has no score")
    n = len(scores)
    stderr = statistics.stdev(scores) / math.sqrt(n) if n > 1 else None
    return TaskScore(math.fsum(scores) / n, stderr, n)


def metrics_of(expected: Iterable[TaskLike], scored: Mapping[str, TaskScore]) -> dict[str, float]:
    """Flat metrics of `scored` tasks (by name); a mean over parts of which one is missing is absent."""
    flat: dict[str, float] = {}
    for mean in means_over(expected):
        if mean.weights.keys() <= scored.keys():
            one = _score(mean, scored)
            flat[mean.key] = one.score
            flat[f"{mean.key}/n"] = one.n
            if one.stderr is not None:
                flat[f"{mean.key}/stderr"] = one.stderr
    return flat


def _score(mean: Mean, scored: Mapping[str, TaskScore]) -> TaskScore:
    parts = [(weight, scored[task]) for task, weight in mean.weights.items()]
    errors = [weight * part.stderr for weight, part in parts if part.stderr is not None]
    return TaskScore(
        score=math.fsum(weight * part.score for weight, part in parts),
        stderr=math.hypot(*errors) if len(errors) == len(parts) else None,
        n=sum(part.n for _, part in parts),
    )
