"""The run of a comparison of data sets: what was asked, how it stands, and DES of every two."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from cftray.plan.similarity import DES
from cftray.store import Record, Store
from cftray.tracking.experiment_image import NOT_PARAMS, STATUS, failure_tags
from cftray.tracking.images import NOTE_END, RunImage, flattened, milliseconds, points_of
from cftray.tracking.view import SimilarityView

MOST_SHOWN = 30
"""Figures in the note; all of them are metrics."""


def similarity_image(view: SimilarityView, store: Store) -> RunImage:
    """Metrics as the stage recorded them: `des`, or `des/one/other` for more than two sets."""
    spec, status, record = view.spec, STATUS[view.state], _record(view, store)
    figures = record.metrics if record is not None else {}
    at = milliseconds(record.finished_at) if record is not None else 0
    return RunImage(
        project=spec.project,
        name=spec.name,
        identity=similarity_identity(view),
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


def similarity_identity(view: SimilarityView) -> Mapping[str, str]:
    """What the run of a comparison is found by."""
    return {"cftray.similarity": view.similarity, "cftray.kind": "similarity"}


def _record(view: SimilarityView, store: Store) -> Record | None:
    fingerprint = view.plan.stage(DES).fingerprint
    return store.record(fingerprint) if fingerprint is not None else None


def _tags(view: SimilarityView) -> dict[str, str]:
    spec = view.spec
    tags = {
        **similarity_identity(view),
        "cftray.name": spec.name,
        "cftray.state": view.state.value,
        "mlflow.source.name": "similarity",
        "mlflow.source.type": "JOB",
        "mlflow.user": "cftray",
    }
    if spec.labels:
        tags["cftray.labels"] = ", ".join(spec.labels)
    return tags | failure_tags(view.failure)


def _note(view: SimilarityView, figures: Mapping[str, float]) -> str:
    """DES of the first pairs; intervals are left to the metrics."""
    shown = [(name, value) for name, value in figures.items() if not name.endswith(("/low", "/high"))][:MOST_SHOWN]
    names = ", ".join(one.name for one in view.spec.sets)
    parts = [f"**{view.spec.name}** (`{view.similarity}`) {view.state.value}: DES of {names}"]
    if shown:
        parts.append("\n".join(["| | |", "|---|---|", *(f"| {name} | {value:.3f} |" for name, value in shown)]))
    if view.failure is not None:
        parts.append(f"Failed ({view.failure.failure.value}): {view.failure.message.splitlines()[0]}")
    parts += [" · ".join(f"[{name}]({address})" for name, address in view.links.items()), NOTE_END]
    return "\n\n".join(part for part in parts if part)
