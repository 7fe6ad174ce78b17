"""From items' scores to flat metrics: means that exist only when all their parts do.

Each has `/stderr` and `/n` beside it. A task's standard error is s / sqrt(n) with the sample standard
deviation s (as lm-eval's mean_stderr). Items are independent of each other, so the standard error of
Σ wᵢ scoreᵢ is sqrt(Σ (wᵢ seᵢ)²). A task of which some items could not be scored has no score; the mean of the
others stands under its name with `/of_scored`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cftray.data.scores import ItemScores, Level, Mean, Part, TaskScores, means_over
from cftray.errors import InternalError

OF_SCORED = "/of_scored"


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


def metrics_of(scored: Sequence[ItemScores]) -> dict[str, float]:
    """Flat metrics of one model from all that was scored of it; a mean of which a part is missing is absent."""
    flat: dict[str, float] = {}
    tasks = {task.task: task for one in scored for task in one.tasks}
    for mean in means_over(tasks.values(), _expected(scored)):
        parts = [tasks[name] for name in mean.weights]
        if all(part.whole for part in parts):
            flat |= _figures(mean.key, _score(mean, tasks))
        elif len(parts) == 1 and parts[0].items and mean.level is not Level.SUITE:
            flat |= _figures(mean.key + OF_SCORED, _score(mean, tasks))
    return flat


def scores_of(scored: Sequence[ItemScores]) -> dict[str, float]:
    """The scores among the metrics, without their standard errors and counts."""
    return {key: value for key, value in metrics_of(scored).items() if not key.endswith(("/stderr", "/n", OF_SCORED))}


def _expected(scored: Sequence[ItemScores]) -> list[Part]:
    """All that the pack has, each once."""
    return list({part.task: part for one in scored for part in one.expected}.values())


def _figures(key: str, score: TaskScore) -> dict[str, float]:
    figures: dict[str, float] = {key: score.score, f"{key}/n": score.n}
    return figures if score.stderr is None else figures | {f"{key}/stderr": score.stderr}


def _score(mean: Mean, tasks: Mapping[str, TaskScores]) -> TaskScore:
    parts = [
        (weight, mean_and_stderr(tasks[task].of(paper=mean.paper))) for task, weight in mean.weights.items()
    ]
    errors = [weight * part.stderr for weight, part in parts if part.stderr is not None]
    return TaskScore(
        score=math.fsum(weight * part.score for weight, part in parts),
        stderr=math.hypot(*errors) if len(errors) == len(parts) else None,
        n=sum(part.n for _, part in parts),
    )
