"""`cftray evaluate`: what is sent, what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.client import Client, Refused
from cftray.client_evaluations import Evaluation, name_of
from tests.unit.test_cli import Console, event, stage
from tests.unit.test_cli import view as experiment_view

ID = "ev_7k2qh3m5x2ab"
ROWS = [
    ("ta/mmlu", "benchmark", "mmlu", None, "acc", {"score": 0.5, "stderr": 0.05, "n": 100}),
    ("la/xquad/de", "part", "xquad", "de", "f1", {"score": 0.25, "stderr": None, "n": 1}),
    ("paper/la", "suite", None, None, None, {"score": 0.125, "stderr": 0.02, "n": 1200}),
]
NAMES = ("key", "level", "benchmark", "language", "metric", "p1")


def results() -> dict[str, Any]:
    empty = {"p2": None, "change": None}
    rows = [dict(zip(NAMES, row, strict=True)) | {"suite": row[0].removeprefix("paper/")[:2]} | empty for row in ROWS]
    replica = {"seed": 0, "complete": True, "rows": rows}
    return {
        "complete": True, "seeds": [0], "rows": rows, "replicas": [replica], "comparisons": 0, "part_comparisons": 0,
        "method": "m",
    }  # fmt: skip


def view(state: str = "succeeded") -> dict[str, Any]:
    stages = [stage("evaluate.model", "evaluate the model", "recorded")]
    return experiment_view(state) | {"id": ID, "name": "tiny", "plan": {"complete": True, "stages": stages}}


class Service:
    """Remembers what was asked; evaluations are over at once."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path)
        if request.method == "POST" and path == "/v1/evaluations":
            self.posted.append(json.loads(request.content))
            return httpx.Response(202, json=view("queued"))
        if path.endswith("/results"):
            return httpx.Response(200, json={"results": results()})
        if path.endswith("/events"):
            page = {"data": [event(1, "experiment.succeeded")], "has_more": False, "next": 1, "terminal": True}
            live = request.headers["accept"] == "text/event-stream"
            return httpx.Response(200, text="") if live else httpx.Response(200, json=page)
        if path == "/v1/evaluations":
            return httpx.Response(200, json={"data": [view()], "has_more": False, "next": None})
        return httpx.Response(200, json=view())


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


@pytest.fixture
def service(cftray: Console) -> Service:
    found = Service()
    cftray.answer = found
    return found


def test_options_become_the_spec_with_paths_made_absolute(
    cftray: Console, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").mkdir()
    monkeypatch.setenv("SETS", "/sets")
    code, out, _ = cftray(
        "evaluate", "./tiny", "--suite", "ta,la", "--pack", "paper", "--languages", "de,es", "--languages", "fr",
        "--benchmarks", "mmlu,xquad", "--limit", "9", "--data", "xquad=sets/*.json", "--data", "mmlu=$SETS/mmlu",
        "--judge", "openai:gpt-4o", "--template", "alpaca", "--precision", "bf16", "--name", "mine",
    )  # fmt: skip
    assert code == 0
    assert ID in out
    assert service.posted == [
        {
            "name": "mine",
            "model": str(tmp_path / "tiny"),
            "template": "alpaca",
            "precision": "bf16",
            "evaluation": {
                "suites": ["ta", "la"],
                "pack": "paper",
                "languages": ["de", "es", "fr"],
                "benchmarks": ["mmlu", "xquad"],
                "limit": 9,
                "data": {"xquad": str(tmp_path / "sets/*.json"), "mmlu": "/sets/mmlu"},
                "judge": {"endpoint": "openai", "model": "gpt-4o"},
            },
        }
    ]


def test_what_is_not_said_is_left_to_the_spec(cftray: Console, service: Service) -> None:
    cftray("evaluate", "team/tiny-model")
    assert service.posted == [{"name": "tiny-model", "model": "team/tiny-model", "evaluation": {}}]


def test_a_spec_file_is_taken_and_options_go_before_it(cftray: Console, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "evaluation.yaml"
    path.write_text("name: e\nmodel: ./m\nevaluation: {pack: paper, limit: 3, data: {xquad: x.json}}\n")
    cftray("evaluate", str(path), "--limit", "5")
    evaluation = {"pack": "paper", "limit": 5, "data": {"xquad": str(tmp_path / "x.json")}}
    assert service.posted == [{"name": "e", "model": str(tmp_path / "m"), "evaluation": evaluation}]


def test_watching_ends_with_a_table_of_scores(cftray: Console, service: Service) -> None:
    code, out, _ = cftray("evaluate", "team/tiny", "--watch")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "tiny score × 100 stderr items metric" in lines
    assert "MMLU ta/mmlu 50.0 5.0 100 acc" in lines
    assert "XQuAD de la/xquad/de 25.0 1 f1" in lines
    assert "Language ability, mean (paper's metric) paper/la 12.5 2.0 1,200" in lines


def test_commands_on_runs_know_evaluations_by_their_id(cftray: Console, service: Service) -> None:
    code, out, _ = cftray("results", ID)
    assert (code, "ta/mmlu" in out) == (0, True)
    cftray("list", "--evaluations")
    assert service.paths == [f"/v1/evaluations/{ID}", f"/v1/evaluations/{ID}/results", "/v1/evaluations"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("--data", "xquad", "BENCHMARK=PATH"), ("--judge", "gpt", "ENDPOINT:MODEL")],
)
def test_an_option_of_the_wrong_form_is_refused_here(
    cftray: Console, service: Service, option: str, value: str, said: str
) -> None:
    code, _, err = cftray("evaluate", "team/tiny", option, value)
    assert (code, said in err) == (2, True)
    assert service.posted == []


def test_from_python_an_evaluation_is_waited_for_and_read() -> None:
    service = Service()
    client = Client("http://service", transport=httpx.MockTransport(service))
    evaluation = client.evaluate("team/tiny", suites=("la",), languages=("de",))
    assert isinstance(evaluation, Evaluation)
    assert service.posted[0]["evaluation"] == {"suites": ["la"], "languages": ["de"]}
    scores = evaluation.wait().scores()
    assert [(row["key"], row["score"], row["n"]) for row in scores] == [
        ("ta/mmlu", 0.5, 100), ("la/xquad/de", 0.25, 1), ("paper/la", 0.125, 1200),
    ]  # fmt: skip


def test_a_refusal_reaches_who_asked() -> None:
    problem = {"status": 409, "code": "conflict", "detail": "no"}
    client = Client("http://service", transport=httpx.MockTransport(lambda _: httpx.Response(409, json=problem)))
    with pytest.raises(Refused):
        client.evaluate("team/tiny")


@pytest.mark.parametrize(
    ("model", "name"),
    [("a/b/Tiny-1.5", "Tiny-1.5"), ("./x y/", "x-y"), ("mini:base", "mini-base"), ("..", "model")],
)
def test_a_model_gives_its_evaluation_a_name(model: str, name: str) -> None:
    assert name_of(model) == name


WHY = "gate closed: ta is 0.300 (at least 0.5 wanted)"


def gated(state: str) -> dict[str, Any]:
    stages = [stage("gate.s17", "gate", "recorded"), stage("train.p2", "phase 2", "skipped", why=WHY)]
    progress = {"stages_done": 1, "stages_total": 1, "stages_left_out": 1, "title": None}
    return experiment_view(state) | {"plan": {"complete": True, "stages": stages}, "progress": progress}


def test_a_closed_gate_is_told_of_in_words(cftray: Console) -> None:
    found = results() | {"complete": False}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/results"):
            return httpx.Response(200, json={"results": found})
        if path == "/v1/experiments":
            return httpx.Response(200, json={"data": [gated("succeeded")], "has_more": False, "next": None})
        if path.endswith("/events"):
            skipped = event(7, "stage.skipped", "train.p2", gates=["gate.s17"], why="ta is 0.300 (at least 0.5 wanted)")
            page = {"data": [skipped], "has_more": False, "next": 7, "terminal": True}
            live = request.headers["accept"] == "text/event-stream"
            return httpx.Response(200, text="") if live else httpx.Response(200, json=page)
        return httpx.Response(200, json=gated("succeeded"))

    cftray.answer = answer
    _, out, _ = cftray("get", "exp_7k2qh3m5x2ab")
    assert f"left out: {WHY}" in out
    code, out, _ = cftray("watch", "exp_7k2qh3m5x2ab")
    assert (code, f"phase 2  left out: {WHY}" in out) == (0, True)
    _, out, err = cftray("results", "exp_7k2qh3m5x2ab")
    assert not err, "the table says it"
    _, out, _ = cftray("list")
    assert "1 of 1, 1 left out" in out
