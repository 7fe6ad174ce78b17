"""A matrix's report and figures over REST: of what there is, refused where there is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from api.mlflow_observer import MlflowObserver
from api.ray_jobs import RayStatus
from cftray.plan import Plan
from cftray.spec import ExperimentSpec
from cftray.tracking import MemoryTracker
from tests.unit.api.conftest import World
from tests.unit.report.matrices import MATRIX, record_all

SMALL = MATRIX | {"axes": {"mitigation": [{"kind": "none"}, {"kind": "lf_h1"}], "seed": [1]}, "cells": []}


def post(world: World) -> dict[str, Any]:
    answer = world.client.post("/v1/matrices", json=SMALL)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def succeed(world: World, experiment: str) -> None:
    """Its job runs and leaves made-up records."""
    row = world.service.get(experiment)
    plan = _plan_of(world, experiment)
    record_all(world.store, ExperimentSpec.model_validate(row.spec.model_dump()), plan, experiment)
    world.job(experiment).run_all()
    world.step(2)


def _plan_of(world: World, experiment: str) -> Plan:
    return world.job(experiment).folder.request().plan


@pytest.fixture
def running(world: World) -> dict[str, Any]:
    """A matrix whose jobs are submitted."""
    view = post(world)
    world.step(4)
    return view


def test_a_matrix_without_a_finished_cell_has_no_report(world: World) -> None:
    view = post(world)
    for path in ("report", "figures/changes.svg"):
        answer = world.client.get(f"/v1/matrices/{view['id']}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "no finished cell with scores (2 queued)" in answer.json()["detail"]


def test_an_unfinished_matrix_reports_what_there_is(world: World, running: dict[str, Any]) -> None:
    succeed(world, running["cells"][0]["experiment"])
    answer = world.client.get(f"/v1/matrices/{running['id']}/report")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "Not finished: 1 of 2 cells are evaluated" in answer.text
    assert running["id"] in answer.text
    assert running["links"]["report"].endswith(f"/v1/matrices/{running['id']}/report")


def test_a_cell_that_was_cancelled_is_named(world: World, running: dict[str, Any]) -> None:
    first, second = (cell["experiment"] for cell in running["cells"])
    succeed(world, first)
    world.client.post(f"/v1/experiments/{second}/cancel")
    world.step()
    world.job(second).finish("cancelled")
    world.jobs.end(f"cftray-{second}-1", RayStatus.FAILED)
    world.step(2)
    page = world.client.get(f"/v1/matrices/{running['id']}/report").text
    assert "1 of 2 cells are evaluated; 1 cancelled." in page
    assert "Cells that failed" in page
    assert "ot finished" not in page


@pytest.mark.parametrize(
    ("name", "kind", "begin"),
    [("changes.svg", "image/svg+xml", b"<?xml"), ("forgetting-des.png", "image/png", b"\x89PNG")],
)
def test_a_figure_by_itself(world: World, running: dict[str, Any], name: str, kind: str, begin: bytes) -> None:
    succeed(world, running["cells"][0]["experiment"])
    answer = world.client.get(f"/v1/matrices/{running['id']}/figures/{name}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content.startswith(begin)


def test_a_figure_that_there_is_not_is_refused_with_those_there_are(world: World, running: dict[str, Any]) -> None:
    succeed(world, running["cells"][0]["experiment"])
    answer = world.client.get(f"/v1/matrices/{running['id']}/figures/pie.svg")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "changes, forgetting-des, forgetting-mpd, languages, losses" in answer.json()["detail"]
    assert world.client.get(f"/v1/matrices/{running['id']}/figures/changes.gif").status_code == 422


@pytest.mark.parametrize("path", ["report", "figures/changes.svg"])
def test_an_unknown_matrix_is_not_found(world: World, path: str) -> None:
    answer = world.client.get(f"/v1/matrices/mat_nothing/{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_matrix_is_shown_in_mlflow_once_its_last_cell_is_over(world: World, running: dict[str, Any]) -> None:
    tracker = MemoryTracker()
    observer = MlflowObserver(world.app.state.backstage.database, world.store, world.settings, tracker)
    first, second = (cell["experiment"] for cell in running["cells"])
    succeed(world, first)
    observer.observe(first)
    assert not [run for run in tracker.runs.values() if run.state.tags["cftray.kind"] == "matrix"]
    succeed(world, second)
    observer.observe(second)
    (matrix,) = (run for run in tracker.runs.values() if run.state.tags["cftray.kind"] == "matrix")
    assert matrix.state.tags["cftray.matrix"] == running["id"]
    assert "figures/changes.svg" in matrix.artifacts
    matrix.artifacts.clear()
    observer.observe(first)
    assert not matrix.artifacts
