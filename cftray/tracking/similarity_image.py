"""The run of a comparison of data sets: what was asked, how it stands, and DES of every two."""

from __future__ import annotations

from collections.abc import Mapping

from cftray.plan.similarity import DES
from cftray.report.page import as_yaml
from cftray.store import Record, Store
from cftray.tracking.asked import NOT_PARAMS, STATUS, asked_tags, ended_at, figures_table, note
from cftray.tracking.images import RunImage, flattened, milliseconds, points_of
from cftray.tracking.view import SimilarityView

MOST_SHOWN = 30
"""Figures in the note; all of them are metrics."""


def similarity_image(view: SimilarityView, store: Store) -> RunImage:
    """Metrics as the stage recorded them: `des`, or `des/one/other` for more than two sets."""
    spec, record = view.spec, _record(view, store)
    figures = record.metrics if record is not None else {}
    at = milliseconds(record.finished_at) if record is not None else 0
    return RunImage(
        project=spec.project,
        name=spec.name,
        identity=similarity_identity(view),
        started_at=milliseconds(view.created_at),
        tags=asked_tags(view, similarity_identity(view)),
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


def similarity_identity(view: SimilarityView) -> Mapping[str, str]:
    """What the run of a comparison is found by."""
    return {"cftray.similarity": view.similarity, "cftray.kind": "similarity"}


def _record(view: SimilarityView, store: Store) -> Record | None:
    fingerprint = view.plan.stage(DES).fingerprint
    return store.record(fingerprint) if fingerprint is not None else None


def _note(view: SimilarityView, figures: Mapping[str, float]) -> str:
    """DES of the first pairs; intervals are left to the metrics."""
    shown = [(name, value) for name, value in figures.items() if not name.endswith(("/low", "/high"))][:MOST_SHOWN]
    names = ", ".join(one.name for one in view.spec.sets)
    head = f"**{view.spec.name}** (`{view.similarity}`) {view.state.value}: DES of {names}"
    return note(head, figures_table(dict(shown)), failure=view.failure, links=view.links)
