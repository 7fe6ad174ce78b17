"""The run of a single model's evaluation: what was asked, how it stands, and the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from cftray.data.scores import ItemScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Plan
from cftray.store import Record, Store
from cftray.tracking.experiment_image import NOT_PARAMS, STATUS, failure_tags
from cftray.tracking.images import NOTE_END, RunImage, flattened, milliseconds, points_of
from cftray.tracking.scores import without_counts
from cftray.tracking.view import EvaluationView


def evaluation_image(view: EvaluationView, store: Store) -> RunImage:
    """Scores under the names that they have on the run of an experiment's evaluation: `ta/ifeval`."""
    spec, status = view.spec, STATUS[view.state]
    records = _scored(view.plan, store)
    figures = without_counts(metrics_of([ItemScores.read(store.output(one, "scores")) for one in records]))
    at = max((milliseconds(one.finished_at) for one in records), default=0)
    return RunImage(
        project=spec.project,
        name=spec.name,
        identity=evaluation_identity(view),
        started_at=milliseconds(view.created_at),
        tags=_tags(view),
        params=flattened(spec, leave_out=NOT_PARAMS),
        points=points_of(figures, at),
        texts={
            "spec.yaml": yaml.safe_dump(spec.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
            "plan.json": view.plan.model_dump_json(indent=2) + "\n",
        },
        note=_note(view, figures),
        status=status,
        ended_at=milliseconds(view.finished_at) if status.final and view.finished_at else None,
    )


def evaluation_identity(view: EvaluationView) -> Mapping[str, str]:
    """What the run of an evaluation is found by."""
    return {"cftray.evaluation": view.evaluation, "cftray.kind": "evaluation"}


def _scored(plan: Plan, store: Store) -> Sequence[Record]:
    """The records that hold items' scores, as far as there are."""
    [outcome] = plan.outcomes
    names = (outcome.p1_scores, outcome.p1_judged)
    prints = [plan.stage(name).fingerprint for name in names if name is not None]
    found = [store.record(fingerprint) for fingerprint in prints if fingerprint is not None]
    return [record for record in found if record is not None]


def _tags(view: EvaluationView) -> dict[str, str]:
    spec = view.spec
    tags = {
        **evaluation_identity(view),
        "cftray.name": spec.name,
        "cftray.state": view.state.value,
        "cftray.model": spec.model.model,
        "mlflow.source.name": "evaluation",
        "mlflow.source.type": "JOB",
        "mlflow.user": "cftray",
    }
    if spec.labels:
        tags["cftray.labels"] = ", ".join(spec.labels)
    return tags | failure_tags(view.failure)


def _note(view: EvaluationView, figures: Mapping[str, float]) -> str:
    """Suites and benchmarks; languages are left to the metrics."""
    shown = {name: value for name, value in figures.items() if name.count("/") < 2 and not name.endswith("/stderr")}
    parts = [f"**{view.spec.name}** (`{view.evaluation}`) {view.state.value}: scores of `{view.spec.model.model}`"]
    if shown:
        rows = ["| | |", "|---|---|", *(f"| {name} | {value:.3f} |" for name, value in shown.items())]
        parts.append("\n".join(rows))
    if view.failure is not None:
        parts.append(f"Failed ({view.failure.failure.value}): {view.failure.message.splitlines()[0]}")
    parts += [" · ".join(f"[{name}]({address})" for name, address in view.links.items()), NOTE_END]
    return "\n\n".join(part for part in parts if part)
