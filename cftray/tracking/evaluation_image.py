"""The run of a single model's evaluation: what was asked, how it stands, and the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cftray.data.scores import ItemScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Plan
from cftray.report.page import as_yaml
from cftray.store import Record, Store
from cftray.tracking.asked import NOT_PARAMS, STATUS, asked_tags, ended_at, figures_table, note
from cftray.tracking.images import RunImage, flattened, milliseconds, points_of
from cftray.tracking.scores import without_counts
from cftray.tracking.view import EvaluationView


def evaluation_image(view: EvaluationView, store: Store) -> RunImage:
    """Scores under the names that they have on the run of an experiment's evaluation: `ta/ifeval`."""
    spec = view.spec
    records = _scored(view.plan, store)
    figures = without_counts(metrics_of([ItemScores.read(store.output(one, "scores")) for one in records]))
    at = max((milliseconds(one.finished_at) for one in records), default=0)
    return RunImage(
        project=spec.project,
        name=spec.name,
        identity=evaluation_identity(view),
        started_at=milliseconds(view.created_at),
        tags=asked_tags(view, evaluation_identity(view)) | {"cftray.model": spec.model.model},
        params=flattened(spec, leave_out=NOT_PARAMS),
        points=points_of(figures, at),
        texts={
            "spec.yaml": as_yaml(spec.model_dump(mode="json")),
            "plan.json": view.plan.model_dump_json(indent=2) + "\n",
        },
        note=_note(view, figures),
        status=STATUS[view.state],
        ended_at=ended_at(view),
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


def _note(view: EvaluationView, figures: Mapping[str, float]) -> str:
    """Suites and benchmarks; languages are left to the metrics."""
    shown = {name: value for name, value in figures.items() if name.count("/") < 2 and not name.endswith("/stderr")}
    head = f"**{view.spec.name}** (`{view.evaluation}`) {view.state.value}: scores of `{view.spec.model.model}`"
    return note(head, figures_table(shown), failure=view.failure, links=view.links)
