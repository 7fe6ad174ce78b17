"""The run of an experiment: what was asked, how it stands, both phases' scores and their differences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cftray.report.analysis_text import analysis_lines
from cftray.report.page import as_yaml
from cftray.spec import label_of
from cftray.spec.evaluation import Suite
from cftray.store import Record, Store
from cftray.tracking.analysis_image import Shown, shown_analyses
from cftray.tracking.asked import NOT_PARAMS, STATUS, asked_tags, ended_at, note
from cftray.tracking.images import RunImage, flattened, milliseconds, points_of
from cftray.tracking.scores import experiment_scores, scored_outcomes
from cftray.tracking.tracker import Point, RunState
from cftray.tracking.view import ExperimentView

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
        ended_at=ended_at(view),
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
    return asked_tags(view, experiment_identity(view)) | {
        "cftray.base": spec.base.model,
        "cftray.mitigation": label_of(spec.phase2.mitigation),
        "cftray.seeds": ", ".join(str(seed) for seed in spec.seeds),
    }


def _texts(view: ExperimentView, records: Mapping[str, Record]) -> dict[str, str]:
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
        "spec.yaml": as_yaml(view.spec.model_dump(mode="json")),
        "plan.json": view.plan.model_dump_json(indent=2) + "\n",
        "environment.json": json.dumps(environment, indent=2, sort_keys=True, default=str) + "\n",
    }


def _note(view: ExperimentView, points: tuple[Point, ...], analyses: Shown, stage_runs: Mapping[str, RunState]) -> str:
    head = f"**{view.spec.name}** (`{view.experiment}`) {view.state.value}"
    analysed = "\n".join(f"- {title.strip()}: {words}" for title, words in analysis_lines(analyses.found))
    titles = {node.name: node.title for node in view.plan.stages}
    runs = [f"[{titles[name]}](#/experiments/{run.project_id}/runs/{run.run_id})" for name, run in stage_runs.items()]
    told = [head, _table({point.name: point.value for point in points}), analysed, " · ".join(runs)]
    return note(*told, failure=view.failure, links=view.links)


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
