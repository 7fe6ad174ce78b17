"""lm-eval's samples of one task as rows of items, and the task's figures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.data.scores import TaskScores
from cftray.errors import InternalError
from cftray.evaluation.aggregate import TaskScore, mean_and_stderr
from cftray.evaluation.lm import Tally
from cftray.plan.packs import PackTask

FILTER = "none"
"""lm-eval's name for answers as they came."""


def item_rows(entry: PackTask, task: Any, samples: Sequence[Mapping[str, Any]], tally: Tally) -> list[dict[str, Any]]:
    """One row an item: id, task, suite, benchmark, language, prompt_sha256, output, score, truncated.

    The id is the document's own where it has one, else its place in the file.
    """
    rows = []
    for sample in samples:
        prompt = str(sample["arguments"][0][0])
        rows.append(
            {
                "item": str(sample["doc"].get("id", sample["doc_id"])),
                "task": entry.task,
                "suite": str(entry.suite),
                "benchmark": entry.benchmark,
                "language": entry.language,
                "prompt_sha256": hashlib.sha256(prompt.encode()).hexdigest(),
                "output": _output(task, sample, entry.metric),
                "score": _score(entry, sample),
                "truncated": prompt in tally.truncated,
            }
        )
    return rows


def main_samples(entry: PackTask, samples: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The samples of the filter under which the task's metric is taken: `none`, or its only one."""
    filters = {str(sample["filter"]) for sample in samples}
    chosen = FILTER if FILTER in filters else min(filters, default=FILTER)
    if len(filters) > 1 and chosen != FILTER:
        raise InternalError(f"{entry.task}: filters {sorted(filters)}; expected one, or one of them named {FILTER}")
    return [sample for sample in samples if sample["filter"] == chosen]


def task_scores(entry: PackTask, rows: Sequence[Mapping[str, Any]]) -> TaskScores:
    """The compact form of the rows."""
    return TaskScores(
        task=entry.task,
        suite=str(entry.suite),
        benchmark=entry.benchmark,
        language=entry.language,
        metric=entry.metric,
        counted=entry.counted,
        items=tuple(row["item"] for row in rows),
        scores=tuple(row["score"] for row in rows),
    )


def task_figures(
    entry: PackTask, rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any], tally: Tally
) -> dict[str, Any]:
    """The task's row of the table, JSON-able. `found` are lm-eval's own results of this task.

    Raises InternalError where lm-eval's main figure is not the mean of the items' scores: paired
    statistics would then speak of something else than the table.
    """
    score = mean_and_stderr([row["score"] for row in rows])
    own = [value for key, value in found.items() if key.partition(",")[0] == entry.metric]
    if not any(isinstance(value, float | int) and math.isclose(value, score.score, abs_tol=1e-6) for value in own):
        raise InternalError(f"{entry.task}: lm-eval's {entry.metric} is {own}, the items' mean {score.score}")
    return {
        "task": entry.task,
        "suite": str(entry.suite),
        "benchmark": entry.benchmark,
        "language": entry.language,
        "metric": entry.metric,
        "score": score.score,
        "stderr": score.stderr,
        "n": score.n,
        "truncated": sum(row["truncated"] for row in rows),
        "empty": sum(not row["output"].strip() for row in rows),
        "cut_prompts": tally.cut_prompts,
        "chat": entry.chat,
    }


def all_metrics(
    samples: Sequence[Mapping[str, Any]], found: Mapping[str, Any]
) -> dict[str, dict[str, float | int | None]]:
    """Every metric of lm-eval's with the standard error of its items' mean, where it is one."""
    metrics: dict[str, dict[str, float | int | None]] = {}
    for key, value in found.items():
        name, _, kind = key.partition(",")
        if not kind or name.endswith("_stderr") or not isinstance(value, float | int):
            continue
        values = [sample[name] for sample in samples if sample["filter"] == kind and name in sample]
        plain = values and all(isinstance(one, bool | int | float) for one in values)
        items = mean_and_stderr([float(one) for one in values]) if plain else TaskScore(math.nan, None, len(values))
        whole = math.isclose(items.score, value, abs_tol=1e-6)
        metrics[key] = {"value": float(value), "stderr": items.stderr if whole else None, "n": items.n}
    return metrics


def write_items(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """All tasks' rows as one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = {name: pa.string() for name in ("item", "task", "suite", "benchmark", "language", "prompt_sha256", "output")}
    schema = pa.schema(list({**text, "score": pa.float64(), "truncated": pa.bool_()}.items()))
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, compression="zstd")


def _score(entry: PackTask, sample: Mapping[str, Any]) -> float:
    value = sample.get(entry.metric)
    if not isinstance(value, bool | int | float) or not math.isfinite(value):
        raise InternalError(f"{entry.task}: {entry.metric} of item {sample['doc_id']} is {value!r}, no finite number")
    return float(value)


def _output(task: Any, sample: Mapping[str, Any], metric: str) -> str:
    """What was generated, or the choice that the metric takes for the answer."""
    answers = sample["filtered_resps"]
    if task.OUTPUT_TYPE != "multiple_choice":
        return str(answers[0])
    choices = [str(one) for one in task.doc_to_choice(sample["doc"])]
    lengths = [len(one) if metric == "acc_norm" else 1 for one in choices]
    weights = [float(answer[0]) / length for answer, length in zip(answers, lengths, strict=False)]
    return choices[weights.index(max(weights))]
