"""The run of an experiment: what was asked, how it stands, both phases' scores and their differences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from cftray.report.analysis_text import analysis_lines
from cftray.spec import label_of
from cftray.spec.evaluation import Suite
from cftray.store import Failure, Record, Store
from cftray.tracking.analysis_image import Shown, shown_analyses
from cftray.tracking.images import NOTE_END, RunImage, flattened, milliseconds, points_of, shortened
from cftray.tracking.scores import experiment_scores, scored_outcomes
from cftray.tracking.tracker import Point, RunState, RunStatus
from cftray.tracking.view import ExperimentState, ExperimentView

STATUS = {
    ExperimentState.QUEUED: RunStatus.SCHEDULED,
    ExperimentState.RUNNING: RunStatus.RUNNING,
    ExperimentState.SUCCEEDED: RunStatus.FINISHED,
    ExperimentState.FAILED: RunStatus.FAILED,
    ExperimentState.CANCELLED: RunStatus.KILLED,
}
NOT_PARAMS = frozenset({"name", "project", "labels"})
PHASES = ("p1", "p2", "change")


def experiment_image(
    view: ExperimentView, records: Mapping[str, Record], stage_runs: Mapping[str, RunState], store: Store
) -> RunImage:
    """`stage_runs`, by stage name, are linked; a shared one may be in another project."""
    status = STATUS[view.state]
    points = _points(view, records, over=status.final)
    analyses = shown_analyses(view, records, store, over=status.final)
    tags = _tags(view) | {f"cftray.stage.{name}": run.run_id for name, run in stage_runs.items()}
    return RunImage(
        project=view.spec.project,
        name=view.spec.name,
        identity=experiment_identity(view),
        started_at=milliseconds(view.created_at),
        tags=tags,
        params=flattened(view.spec, leave_out=NOT_PARAMS),
        points=(*points, *analyses.points),
        layers=analyses.layers,
        texts=_texts(view, records),
        folders=analyses.folders,
        note=_note(view, points, analyses, stage_runs),
        status=status,
        ended_at=milliseconds(view.finished_at) if status.final and view.finished_at else None,
    )


def experiment_identity(view: ExperimentView) -> Mapping[str, str]:
    """What the run of an experiment is found by."""
    return cell_identity(view.experiment)


def cell_identity(experiment: str) -> Mapping[str, str]:
    """`experiment_identity` of an experiment of which the id alone is known."""
    return {"cftray.experiment": experiment, "cftray.kind": "experiment"}


def _points(view: ExperimentView, records: Mapping[str, Record], *, over: bool) -> tuple[Point, ...]:
    scored = scored_outcomes(view.plan, records, over=over)
    names = {one.p1_scores for one in scored[1]} | {one.p2_scores for one in scored[2]}
    times = [milliseconds(records[name].finished_at) for name in names if name is not None]
    if not times:
        return ()
    at = max(times)
    return points_of(experiment_scores(scored, records), at)


def _tags(view: ExperimentView) -> dict[str, str]:
    spec = view.spec
    tags = {
        "cftray.kind": "experiment",
        "cftray.experiment": view.experiment,
        "cftray.name": spec.name,
        "cftray.state": view.state.value,
        "cftray.base": spec.base.model,
        "cftray.mitigation": label_of(spec.phase2.mitigation),
        "cftray.seeds": ", ".join(str(seed) for seed in spec.seeds),
        "mlflow.source.name": "experiment",
        "mlflow.source.type": "JOB",
        "mlflow.user": "cftray",
    }
    if spec.labels:
        tags["cftray.labels"] = ", ".join(spec.labels)
    return tags | failure_tags(view.failure)


def failure_tags(failure: Failure | None) -> dict[str, str]:
    """Why something failed, and where."""
    if failure is None:
        return {}
    tags = {"cftray.failure": shortened(f"{failure.failure.value}: {failure.message}")}
    return tags | ({"cftray.failed_stage": failure.stage} if failure.stage else {})


def _texts(view: ExperimentView, records: Mapping[str, Record]) -> dict[str, str]:
    spec = yaml.safe_dump(view.spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    stages = {
        name: {
            "recorded_by": record.experiment,
            "attempt": record.attempt,
            "provenance": record.provenance,
            "execution": record.execution,
        }
        for name, record in records.items()
    }
    environment: dict[str, Any] = {"service": dict(view.environment), "stages": stages}
    return {
        "spec.yaml": spec,
        "plan.json": view.plan.model_dump_json(indent=2) + "\n",
        "environment.json": json.dumps(environment, indent=2, sort_keys=True, default=str) + "\n",
    }


def _note(view: ExperimentView, points: tuple[Point, ...], analyses: Shown, stage_runs: Mapping[str, RunState]) -> str:
    head = f"**{view.spec.name}** (`{view.experiment}`) {view.state.value}"
    parts = [head, _table({point.name: point.value for point in points})]
    parts.append("\n".join(f"- {title.strip()}: {words}" for title, words in analysis_lines(analyses.found)))
    if view.failure is not None:
        where = f" in {view.failure.stage}" if view.failure.stage else ""
        parts.append(f"Failed{where} ({view.failure.failure.value}): {view.failure.message.splitlines()[0]}")
    titles = {node.name: node.title for node in view.plan.stages}
    runs = [f"[{titles[name]}](#/experiments/{run.project_id}/runs/{run.run_id})" for name, run in stage_runs.items()]
    links = [f"[{name}]({address})" for name, address in view.links.items()]
    parts += [" · ".join(runs), " · ".join(links), NOTE_END]
    return "\n\n".join(part for part in parts if part)


def _table(figures: Mapping[str, float]) -> str:
    """Suites and benchmarks of both phases; languages are left to the metrics."""
    names = dict.fromkeys(name.partition("/")[2] for name in figures)
    shown = [name for name in names if name.count("/") < 2 and not name.endswith(("/stderr", "/std"))]
    order = [suite.value for suite in Suite]
    shown.sort(key=lambda name: order.index(suite) if (suite := name.partition("/")[0]) in order else len(order))
    if not shown:
        return ""
    rows = ["| | " + " | ".join(shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for phase in PHASES:
        sign = "+" if phase == "change" else ""
        cells = [
            format(figures[f"{phase}/{name}"], f"{sign}.3f") if f"{phase}/{name}" in figures else "" for name in shown
        ]
        rows.append(f"| {phase if phase == 'change' else phase.upper()} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
