"""What was scored, and how: benchmarks with their metric, items and prompts; what holds for all; the judge.

From the records of the first replica that is evaluated: all replicas are evaluated alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cftray.plan import EvaluateConfig, Outcome, Plan, StageKind
from cftray.plan.stages import RequestsConfig
from cftray.report.facts import Stages
from cftray.report.grid import benchmark_name, points
from cftray.report.views import Results
from cftray.store import Record

Pairs = list[tuple[str, str]]
Task = Mapping[str, Any]
"""A row of an evaluation's table of tasks: see `cftray.evaluation.items.task_figures`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A benchmark. `counts` are (answers cut by length, items not scored) of each model; null: not evaluated."""

    name: str
    metric: str
    prompts: str
    items: int
    counts: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """`models` are those that are evaluated, `facts` (what, value) pairs."""

    models: tuple[str, ...]
    benchmarks: tuple[Scored, ...]
    facts: tuple[tuple[str, str], ...]


def scoring(plan: Plan, stages: Stages, found: Results) -> Scoring | None:
    """The section's content; None while no model is evaluated."""
    records = {node.name: record for node, record in stages if record is not None}
    outcome = next((one for one in plan.outcomes if one.p1_scores in records), None)
    if outcome is None:
        return None
    names = {"P1": outcome.p1_scores, "P2": outcome.p2_scores}
    evaluated = {model: records[name] for model, name in names.items() if name is not None and name in records}
    facts = [*_settings(plan, outcome, records[outcome.p1_scores]), *_judges(outcome, records)]
    return Scoring(
        models=tuple(evaluated) if not found.single else ("model",),
        benchmarks=tuple(_benchmarks(evaluated, found, outcome.seed)),
        facts=tuple(facts),
    )


def _benchmarks(evaluated: Mapping[str, Record], found: Results, seed: int) -> Iterator[Scored]:
    tables: dict[str, list[Task]] = {model: record.details.get("tasks", []) for model, record in evaluated.items()}
    grouped: dict[str, list[Task]] = {}
    for task in tables["P1"]:
        grouped.setdefault(str(task.get("benchmark", task["task"])), []).append(task)
    papers = {row.benchmark: row.metric for row in found.rows if row.paper and row.benchmark}
    lacking = {
        (one.model.upper(), one.task): one.n for one in found.unscored if one.seed == seed
    }
    for benchmark, tasks in grouped.items():
        names = [task["task"] for task in tasks]
        yield Scored(
            name=benchmark_name(benchmark),
            metric=_metric(tasks, papers.get(benchmark)),
            prompts=_prompts(tasks),
            items=sum(int(task.get("n", 0)) for task in tasks),
            counts=tuple(
                (_cut(table, names), sum(lacking.get((model, name), 0) for name in names))
                for model, table in tables.items()
            ),
        )


def _metric(tasks: Sequence[Task], paper: str | None) -> str:
    metrics = dict.fromkeys(str(task["metric"]) for task in tasks if task.get("metric"))
    told = ", ".join(metrics)
    return f"{told}; the paper's: {paper}" if paper else told


def _prompts(tasks: Sequence[Task]) -> str:
    """How a model is asked, and in which languages where that is not English alone."""
    chat = {bool(task["chat"]) for task in tasks if "chat" in task}
    asked = " and ".join("through the template" if one else "raw" for one in sorted(chat))
    languages = " ".join(dict.fromkeys(str(task["language"]) for task in tasks if task.get("language")))
    return ", ".join(part for part in (asked, "" if languages in ("", "en") else languages) if part)


def _cut(table: Sequence[Task], names: Sequence[str]) -> int:
    return sum(int(task.get("truncated", 0)) for task in table if task["task"] in names)


def _settings(plan: Plan, outcome: Outcome, record: Record) -> Iterator[tuple[str, str]]:
    pack = record.details.get("pack", {})
    config = plan.stage(outcome.p1_scores).config
    if isinstance(config, EvaluateConfig):
        version = f", version {pack['version']}" if "version" in pack else ""
        yield "Task pack", f"{config.pack}{version}, {str(pack.get('digest', config.pack_digest))[:12]}"
        yield "Precision", str(config.precision)
        yield "Items", "all" if config.limit is None else f"the first {config.limit} of each task"
    for node in plan.stages:
        if node.kind is StageKind.REQUESTS and node.name == "requests" and isinstance(node.config, RequestsConfig):
            yield "Batches", f"of {node.config.batch_size}, composed once for all models"


def _judges(outcome: Outcome, records: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    """Who judged, and how far the judge agrees with itself when the answers change places."""
    for model, name in (("P1", outcome.p1_judged), ("P2", outcome.p2_judged)):
        record = records.get(name) if name is not None else None
        if record is not None:
            yield f"Judge of {model}", "; ".join(_judged(record))


def _judged(record: Record) -> Iterator[str]:
    details, metrics = record.details, record.metrics
    judge, prompt = details.get("judge", {}), details.get("prompt", {})
    if judge:
        yield f"{judge.get('model') or 'the model'} of the endpoint {judge.get('endpoint')}"
    if prompt:
        yield f"prompt {prompt.get('name')} ({str(prompt.get('sha256', ''))[:12]})"
    if "wins" in details:
        yield f"{details['wins']} won, {details['losses']} lost, {int(metrics.get('draws', 0))} drawn"
    if "position_consistency" in metrics:
        yield f"{metrics['position_consistency']:.1%} judged alike in both orders"
    if "win_rate_length_adjusted" in metrics:
        yield f"win rate adjusted for length {points(metrics['win_rate_length_adjusted'])}"
