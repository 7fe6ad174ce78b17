"""`cftray matrix add` and `cftray bundle` of a matrix: what is sent, what is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.client import Client
from cftray.errors import SpecRefused
from tests.unit.test_cli import Console
from tests.unit.test_cli import view as experiment_view

ID = "mat_7k2qh3m5x2ab"
MORE = {"axes": {"seed": [19]}, "cells": [{"mitigation": {"kind": "lora"}}]}


def cell(number: int) -> dict[str, Any]:
    return {
        "row": f"row {number}", "coordinates": {"seed": number}, "experiment": f"exp_{number}", "state": "succeeded",
        "name": f"cell-{number}", "terminal": True, "progress": {"title": None}, "failure": None,
    }  # fmt: skip


def matrix(cells: int) -> dict[str, Any]:
    return {
        "id": ID, "name": "forgetting", "terminal": True, "counts": {"succeeded": cells}, "stages": 20 * cells,
        "distinct_stages": 12 * cells, "cells": [cell(number) for number in range(1, cells + 1)],
    }  # fmt: skip


class Service:
    """A matrix of two cells that gets two more."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "POST":
            self.posted.append((path, json.loads(request.content)))
            return httpx.Response(201, json=matrix(4))
        if path.endswith("/bundle"):
            return httpx.Response(200, json={"experiment": path.split("/")[3]})
        if path.startswith("/v1/experiments/"):
            identifier = path.split("/")[3]
            named = {"id": identifier, "name": f"of-{identifier}"}
            return httpx.Response(200, json=experiment_view("succeeded") | named)
        return httpx.Response(200, json=matrix(2))


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


@pytest.fixture
def service(cftray: Console) -> Service:
    found = Service()
    cftray.answer = found
    return found


def test_cells_are_added_from_a_file_and_counted(cftray: Console, service: Service, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("axes: {seed: [19]}\ncells: [{mitigation: {kind: lora}}]\n")
    code, out, _ = cftray("matrix", "add", ID, str(more))
    assert code == 0
    assert service.posted == [(f"/v1/matrices/{ID}/cells", MORE)]
    assert out.splitlines()[0] == "2 new cells"
    assert "exp_4" in out
    assert json.loads(cftray("matrix", "add", ID, str(more), "--json")[1])["counts"] == {"succeeded": 4}


def test_what_the_service_refuses_is_told_and_ends_the_command(cftray: Console, tmp_path: Path) -> None:
    fault = {"path": "axes.sead", "given": "no axis of this matrix", "expected": "did you mean seed?"}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=matrix(2))
        problem = {"code": "spec-refused", "detail": "1 fault, nothing was stored", "faults": [fault]}
        return httpx.Response(422, json=problem)

    cftray.answer = answer
    more = tmp_path / "more.yaml"
    more.write_text("axes: {sead: [19]}\n")
    code, _, err = cftray("matrix", "add", ID, str(more))
    assert code == 2
    assert "did you mean seed?" in err
    client = Client("http://service", transport=httpx.MockTransport(answer))
    with pytest.raises(SpecRefused):
        client.get_matrix(ID).add({"axes": {"sead": [19]}})


def test_from_python_a_matrix_knows_its_new_cells(service: Service) -> None:
    found = Client("http://service", transport=httpx.MockTransport(service)).get_matrix(ID)
    assert len(found.cells) == 2
    assert found.add(MORE) is found
    assert [one["experiment"] for one in found.cells] == ["exp_1", "exp_2", "exp_3", "exp_4"]
    assert service.posted == [(f"/v1/matrices/{ID}/cells", MORE)]


def test_a_matrix_s_bundle_is_a_file_a_cell(cftray: Console, service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "bundles"
    code, out, _ = cftray("bundle", ID, "--output", str(folder))
    assert code == 0
    names = ["of-exp_1.exp_1.bundle.json", "of-exp_2.exp_2.bundle.json"]
    assert sorted(path.name for path in folder.iterdir()) == names
    assert all(name in out for name in names)
    told = json.loads(cftray("bundle", ID, "--output", str(folder), "--json")[1])
    assert [one["experiment"] for one in told] == ["exp_1", "exp_2"]
    assert json.loads((folder / names[0]).read_text()) == {"experiment": "exp_1"}
