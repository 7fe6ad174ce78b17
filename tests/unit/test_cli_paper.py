"""`cftray paper`: lists, shows, submits and compares."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import yaml

from cftray.recipes import mini, paper
from tests.unit.report.tables import matrix, results
from tests.unit.test_cli import Console

SCORES = {"ta/ifeval": (0.5, 0.41), "ta": (0.5, 0.41), "la": (0.2, 0.3)}
GROUPED = matrix({"P2": SCORES, "GR_10": SCORES})


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


def cell(row: str, experiment: str) -> dict[str, Any]:
    progress = {"stages_done": 0, "stages_total": 1, "title": None}
    return {
        "row": row, "experiment": experiment, "name": row, "state": "succeeded", "terminal": True, "failure": None,
        "progress": progress,
    }  # fmt: skip


VIEW = {
    "id": "mat_1", "name": "paper-D1", "terminal": True, "counts": {"succeeded": 2}, "stages": 9, "distinct_stages": 7,
    "cells": [cell("P2", "exp_a"), cell("GR_10", "exp_b")],
}  # fmt: skip
SPECS = {
    "exp_a": mini("dissimilar"),
    "exp_b": paper("mistral-7b", "instruct", "multialpaca", strategy="GR_10"),
}


def service(request: httpx.Request) -> httpx.Response:
    """A matrix of two cells, and their experiments."""
    path = request.url.path
    if path.endswith("/table"):
        return httpx.Response(200, json={"table": GROUPED.model_dump(mode="json")})
    if path.endswith("/results"):
        return httpx.Response(200, json={"results": results(SCORES).model_dump(mode="json")})
    if path.startswith("/v1/experiments/"):
        name = path.rpartition("/")[2]
        return httpx.Response(200, json={"id": name, "name": name, "spec": SPECS[name].model_dump(mode="json")})
    return httpx.Response(201 if request.method == "POST" else 200, json=VIEW)


def test_tables_and_open_choices_are_listed(cftray: Console) -> None:
    code, out, _ = cftray("paper")
    assert code == 0
    assert "Mitigations in phase 2" in out
    assert "max_length" in out
    _, told, _ = cftray("paper", "--json")
    assert {one["name"] for one in json.loads(told)["tables"]} == {"1", "C1", "C2", "C3", "C4", "C5", "D1"}


def test_a_table_is_shown_as_printed_with_its_flags(cftray: Console) -> None:
    code, out, _ = cftray("paper", "D1")
    assert code == 0
    assert "0.599 (0.472)" in out
    assert "printed 0.599, its columns give 0.472" in out


def test_a_dry_run_prints_the_matrix_and_asks_nobody(cftray: Console) -> None:
    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError(request.url)

    cftray.answer = nobody
    code, out, err = cftray(
        "paper", "D1", "--model", "mistral-7b", "--dry-run", "--set", "max_length=4096", "--set", "seeds=[17, 18]"
    )
    assert code == 0, err
    document = yaml.safe_load(out)
    assert (document["spec"]["max_length"], document["axes"]["seed"], len(document["cells"])) == (4096, [17, 18], 13)
    assert "26 cells, seeds [17, 18]" in err


@pytest.mark.parametrize(
    ("arguments", "spec", "cells"),
    [
        (("1", "--model", "llama-3-8b"), {"recipe": "paper", "base_model": "llama-3-8b", "phase2": "multialpaca"}, 2),
        (("1", "--model", "all"), {"recipe": "paper", "phase2": "multialpaca"}, 4),
        (("D1", "--scale", "mini"), {"recipe": "mini"}, 13),
    ],
)
def test_a_table_is_submitted_as_a_matrix(
    cftray: Console, arguments: tuple[str, ...], spec: dict[str, str], cells: int
) -> None:
    sent: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/v1/matrices")
        sent.append(json.loads(request.content))
        return service(request)

    cftray.answer = answer
    code, out, err = cftray("paper", *arguments)
    assert code == 0, err
    assert out.startswith("mat_1")
    assert (sent[0]["spec"], len(sent[0]["cells"])) == (spec, cells)


def test_a_matrix_stands_beside_the_printed_figures(cftray: Console) -> None:
    cftray.answer = service
    code, out, err = cftray("paper", "D1", "--compare", "mat_1", "--json")
    assert code == 0, err
    told = json.loads(out)
    runs = {(one["model"], one["strategy"], one["phase"]): one["row"] for one in told["lines"] if one["row"]}
    # The miniature's plain phase 2 stands beside both models' lines, Mistral's GR_10 beside its own.
    assert runs[("mistral-7b", "GR_10", "p2")] == "GR_10"
    assert ("llama-3-8b", "GR_10", "p2") not in runs
    assert runs[("mistral-7b", "none", "p2")] == runs[("llama-3-8b", "none", "p2")] == "P2"
    assert {one["name"]: one["ruling"] for one in told["claims"]["run"]}["dissimilar"] == "borne out"


def test_an_experiment_stands_beside_them_too(cftray: Console) -> None:
    cftray.answer = service
    code, out, _ = cftray("paper", "D1", "--compare", "exp_b", "--format", "markdown")
    assert code == 0
    assert "| exp_b | run | 0.410" in out.replace("|   exp_b", "| exp_b")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("D9",), "table D9: the paper has 1, C1"),
        (("D1", "--set", "max_length=3"), "nothing to submit"),
        (("D1", "-m", "all", "--dry-run", "--set", "max_lenght=3"), "did you mean max_length?"),
        (("D1", "-m", "all", "--dry-run", "--set", "max_length"), "NAME=VALUE"),
        (("D1", "--scale", "mini", "--dry-run", "--set", "max_length=64"), "seeds"),
    ],
)
def test_what_can_t_be_meant_is_refused_in_words(cftray: Console, arguments: tuple[str, ...], word: str) -> None:
    code, _, err = cftray("paper", *arguments)
    assert code == 2
    assert word in err
