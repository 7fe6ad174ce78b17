"""One task's items as rows, its scores in brief, and its figures.

A row: item, task, suite, benchmark, language, prompt_sha256, output, score, truncated, unscored, and `metric:<name>`
for each further metric of its task. `score` is the task's main metric, null where the item has none: because it
could not be scored, `unscored` then says why, or because a judge scores it later.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

from cftray.data.scores import Part, TaskScores
from cftray.errors import InternalError
from cftray.evaluation.aggregate import OF_SCORED, mean_and_stderr
from cftray.plan.packs import PackTask

UNSCORED = "unscored"
METRIC = "metric:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item with what the model said, and what that is worth.

    `pooled` are metrics over several parts of an item (instructions of a prompt): the item's value, in `metrics`,
    is their mean, the task's figure the mean over all parts of all items.
    """

    item: str
    prompt_sha256: str
    output: str
    truncated: bool
    metrics: Mapping[str, float] = field(default_factory=dict)
    pooled: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    unscored: str | None = None


def valued(entry: PackTask, item: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """An item's `metrics`, `pooled` and `unscored` from what the task's scorer gives.

    A scorer gives {metric: number or list of booleans}, or {"unscored": reason}. What else it gives is left out.
    Raises InternalError where a metric that is kept is missing, or no finite number.
    """
    if UNSCORED in found:
        return {"unscored": str(found[UNSCORED])}
    pooled = {name: tuple(map(float, value)) for name, value in found.items() if isinstance(value, list) and value}
    metrics = {name: statistics.fmean(value) for name, value in pooled.items()}
    for name, value in found.items():
        plain = value.item() if hasattr(value, "item") else value
        if isinstance(plain, Real) and math.isfinite(plain):
            metrics[name] = float(plain)
    for name in entry.kept:
        if name not in metrics:
            raise InternalError(f"{entry.task}: {name} of item {item} is {found.get(name)!r}, no finite number")
    return {"metrics": metrics, "pooled": pooled}


def part_of(entry: PackTask) -> Part:
    """The task as scores name it."""
    return Part(**{name: getattr(entry, name) for name in Part.model_fields})


def task_scores(entry: PackTask, items: Sequence[Item]) -> TaskScores:
    """The task's scores in brief."""
    scored = [one for one in items if one.unscored is None]
    others = [name for name in _names(items) if name != entry.metric]
    return TaskScores(
        **part_of(entry).model_dump(),
        metric=entry.metric,
        items=tuple(one.item for one in scored),
        scores=tuple(one.metrics[entry.metric] for one in scored),
        others={name: tuple(one.metrics[name] for one in scored) for name in others},
        unscored={one.item: one.unscored for one in items if one.unscored is not None},
    )


def task_figures(entry: PackTask, items: Sequence[Item], cut_prompts: int) -> dict[str, Any]:
    """The task's row of the table, JSON-able; `score` is null where a judge gives it or items are unscored."""
    scored = [one.metrics[entry.metric] for one in items if entry.metric in one.metrics]
    mean = mean_and_stderr(scored) if scored else None
    whole = len(scored) == len(items)
    return {
        "task": entry.task,
        "suite": str(entry.suite),
        "benchmark": entry.benchmark,
        "language": entry.language,
        "metric": entry.metric,
        "score": mean.score if mean and whole else None,
        "score_of_scored": mean.score if mean else None,
        "stderr": mean.stderr if mean else None,
        "n": len(items),
        "unscored": sum(one.unscored is not None for one in items),
        "truncated": sum(one.truncated for one in items),
        "empty": sum(not one.output.strip() for one in items),
        "cut_prompts": cut_prompts,
        "chat": entry.chat,
        "judged": entry.judged,
    }


def all_metrics(items: Sequence[Item]) -> dict[str, dict[str, float | int | None]]:
    """Every metric with its standard error, pooled ones without; with `/of_scored` where items are unscored."""
    scored = [one for one in items if one.unscored is None]
    end = "" if len(scored) == len(items) else OF_SCORED
    found: dict[str, dict[str, float | int | None]] = {}
    for name in _names(items):
        parts = [value for one in scored for value in one.pooled.get(name, ())]
        if parts:
            found[name + end] = {"value": statistics.fmean(parts), "stderr": None, "n": len(parts)}
        else:
            mean = mean_and_stderr([one.metrics[name] for one in scored])
            found[name + end] = {"value": mean.score, "stderr": mean.stderr, "n": mean.n}
    return found


def write_items(entry: PackTask, items: Sequence[Item], path: Path) -> None:
    """The task's rows as a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    others = [name for name in _names(items) if name != entry.metric]
    text = ("item", "task", "suite", "benchmark", "language", "prompt_sha256", "output")
    columns = {
        **{name: pa.string() for name in text},
        "score": pa.float64(),
        "truncated": pa.bool_(),
        UNSCORED: pa.string(),
        **{METRIC + name: pa.float64() for name in others},
    }
    rows = [_row(entry, one, others) for one in items]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path, compression="zstd")


def join_items(files: Sequence[Path], path: Path) -> None:
    """All tasks' rows in one Parquet file, in the files' order; a metric that a task has not is null there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(one) for one in files]
    pq.write_table(pa.concat_tables(tables, promote_options="default"), path, compression="zstd")


def _row(entry: PackTask, one: Item, others: Sequence[str]) -> dict[str, Any]:
    return {
        "item": one.item,
        "task": entry.task,
        "suite": str(entry.suite),
        "benchmark": entry.benchmark,
        "language": entry.language,
        "prompt_sha256": one.prompt_sha256,
        "output": one.output,
        "score": one.metrics.get(entry.metric),
        "truncated": one.truncated,
        UNSCORED: one.unscored,
        **{METRIC + name: one.metrics.get(name) for name in others},
    }


def _names(items: Sequence[Item]) -> list[str]:
    """Metrics that every scored item has, in the scorer's order."""
    scored = [one for one in items if one.unscored is None]
    return [name for name in (scored[0].metrics if scored else ()) if all(name in one.metrics for one in scored)]
