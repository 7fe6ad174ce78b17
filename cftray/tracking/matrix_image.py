"""The run of a matrix that is over: its report, tables and figures; its cells' runs are shown under it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cftray.report.matrix_cells import gathered
from cftray.report.matrix_page import page_of
from cftray.report.matrix_story import headline
from cftray.report.matrix_text import csv_matrix, markdown_matrix
from cftray.report.page import as_yaml
from cftray.store import Store
from cftray.tracking.asked import note, source_tags
from cftray.tracking.images import Folder, RunImage, milliseconds
from cftray.tracking.tracker import RunStatus
from cftray.tracking.view import MatrixView

FIGURES = "figures"


def matrix_image(view: MatrixView, store: Store, folder: Path) -> RunImage | None:
    """Figures are drawn in `folder`, which has to stay until the image is written. None where no cell has scores.

    The run stands in the project of the first cell.
    """
    found = gathered(view.name, view.cells, store)
    if not found.scored:
        return None
    report = page_of(found, view.document, store, matrix=view.matrix, folder=folder)
    return RunImage(
        project=view.cells[0].spec.project,
        name=view.name,
        identity=matrix_identity(view),
        started_at=milliseconds(view.created_at),
        tags=_tags(view),
        texts={
            "matrix.yaml": as_yaml(dict(view.document)),
            "report.html": report,
            "table.md": markdown_matrix(found.table),
            "table.csv": csv_matrix(found.table),
        },
        folders={FIGURES: Folder(place=folder, sha256=_digest(folder))} if any(folder.iterdir()) else {},
        note=note(f"**{view.name}** (`{view.matrix}`), {len(view.cells)} cells", *headline(found), links=view.links),
        status=RunStatus.FINISHED,
        ended_at=milliseconds(view.finished_at) if view.finished_at else None,
    )


def matrix_identity(view: MatrixView) -> Mapping[str, str]:
    """What the run of a matrix is found by."""
    return {"cftray.matrix": view.matrix, "cftray.kind": "matrix"}


def _tags(view: MatrixView) -> dict[str, str]:
    counts = Counter(cell.state for cell in view.cells)
    return {
        **matrix_identity(view),
        **source_tags("matrix"),
        "cftray.name": view.name,
        "cftray.cells": ", ".join(f"{count} {state}" for state, count in sorted(counts.items())),
    }


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return digest.hexdigest()
