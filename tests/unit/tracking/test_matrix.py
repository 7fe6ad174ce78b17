"""A matrix that is over is one run with its report and figures, above the runs of its cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cftray.store import Store
from cftray.tracking import ExperimentState, ExperimentView, MatrixView, MemoryTracker, RunStatus, TrackingWriter
from tests.unit.report.matrices import MATRIX, made_matrix
from tests.unit.tracking.conftest import START

SMALL = MATRIX | {"axes": {"mitigation": [{"kind": "none"}, {"kind": "lf_h1"}], "seed": [1]}, "cells": []}
STATES = {("P2", 1): "cancelled", ("LF_H1", 1): "cancelled"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def view(store: Store, **how: object) -> MatrixView:
    return MatrixView(
        matrix="mat_1", name="forgetting", document=SMALL, cells=tuple(made_matrix(store, SMALL, **how)),  # type: ignore[arg-type]
        created_at=START, finished_at=START + timedelta(hours=1), links={"report": "http://api/report"},
    )  # fmt: skip


def show(tracker: MemoryTracker, store: Store, shown: MatrixView) -> None:
    TrackingWriter(tracker, store).sync_matrix(shown)


def test_the_report_the_tables_and_the_figures_are_artifacts(store: Store) -> None:
    tracker = MemoryTracker()
    show(tracker, store, view(store))
    (run,) = tracker.runs.values()
    assert (run.state.name, run.state.status) == ("forgetting", RunStatus.FINISHED)
    assert {"report.html", "table.md", "table.csv", "matrix.yaml", "figures/changes.svg", "figures/losses.png"} <= set(
        run.artifacts
    )
    assert "mat_1" in str(run.artifacts["report.html"])
    assert "LF_H1 against plain phase 2" in run.state.tags["mlflow.note.content"]


def test_the_runs_of_its_cells_stand_below_it(store: Store) -> None:
    tracker, matrix = MemoryTracker(), view(store)
    writer = TrackingWriter(tracker, store)
    for cell in matrix.cells:
        writer.sync(
            ExperimentView(
                experiment=cell.experiment, spec=cell.spec, plan=cell.plan, state=ExperimentState.SUCCEEDED,
                created_at=START, finished_at=START, environment={},
            )
        )  # fmt: skip
    writer.sync_matrix(matrix)
    (parent,) = (run for run in tracker.runs.values() if run.state.tags["cftray.kind"] == "matrix")
    below = {
        run.state.tags["cftray.experiment"]
        for run in tracker.runs.values()
        if run.state.tags.get("mlflow.parentRunId") == parent.state.run_id
    }
    assert below == {cell.experiment for cell in matrix.cells}


def test_shown_twice_it_is_one_run_and_nothing_is_written_again(store: Store) -> None:
    tracker, matrix = MemoryTracker(), view(store)
    show(tracker, store, matrix)
    (run,) = tracker.runs.values()
    run.artifacts.clear()
    show(tracker, store, matrix)
    assert len(tracker.runs) == 1
    assert not run.artifacts


def test_after_more_cells_the_report_is_written_anew(store: Store) -> None:
    tracker, matrix = MemoryTracker(), view(store)
    show(tracker, store, replace(matrix, cells=matrix.cells[:1]))
    (run,) = tracker.runs.values()
    before = run.artifacts["report.html"]
    show(tracker, store, matrix)
    assert run.artifacts["report.html"] != before
    assert run.state.tags["cftray.cells"] == "2 succeeded"


def test_a_matrix_without_scores_has_no_run(store: Store) -> None:
    tracker = MemoryTracker()
    show(tracker, store, view(store, states=STATES))
    assert not tracker.runs
