"""`cftray similarity`: what is sent, what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.client import Client
from cftray.client_similarity import Similarity, set_name
from tests.unit.test_cli import Console, event, stage
from tests.unit.test_cli import view as experiment_view

ID = "sim_7k2qh3m5x2ab"


def alike(first: str, second: str, des: float, **more: Any) -> dict[str, Any]:
    figures = {"des": des, "low": des - 0.01, "high": des + 0.01, "corrected": des}
    return {"first": first, "second": second} | figures | more


RESULT = {
    "sets": {
        "alpaca": {"rows": 3000, "samples": 500, "languages": {"en": 500}, "truncated": 5, "truncated_share": 0.01},
        "multi": {"rows": 900, "samples": 500, "languages": {"de": 499, "es": 1}, "truncated": None,
                  "truncated_share": None},
    },
    "matrix": [[1.0, 0.8125], [0.8125, 1.0]],
    "pairs": [
        alike("alpaca", "multi", 0.8125, languages=[
            alike("en", "de", 0.75, rows=[500, 499]),
            alike("en", "es", 0.25, rows=[500, 1], low=None, high=None, corrected=None),
        ]),
    ],
    "samples": 500, "seed": 0, "text": "rendered", "encoder": "e",
}  # fmt: skip


def view(state: str = "succeeded") -> dict[str, Any]:
    result = RESULT if state == "succeeded" else None
    plan = {"complete": True, "stages": [stage("des", "DES of 2 sets", "recorded")]}
    return experiment_view(state) | {"id": ID, "name": "alpaca-vs-multi", "plan": plan, "result": result}


class Service:
    """Remembers what was asked; comparisons end at once, as `ending`."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.ending = "succeeded"

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path)
        if request.method == "POST" and path == "/v1/similarity":
            self.posted.append(json.loads(request.content))
            return httpx.Response(202, json=view("queued"))
        if path.endswith("/events"):
            page = {"data": [event(1, "experiment.succeeded")], "has_more": False, "next": 1, "terminal": True}
            live = request.headers["accept"] == "text/event-stream"
            return httpx.Response(200, text="") if live else httpx.Response(200, json=page)
        if path == "/v1/similarity":
            return httpx.Response(200, json={"data": [view()], "has_more": False, "next": None})
        return httpx.Response(200, json=view(self.ending))


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


@pytest.fixture
def service(cftray: Console) -> Service:
    found = Service()
    cftray.answer = found
    return found


def test_words_become_the_spec_with_paths_made_absolute(
    cftray: Console, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = cftray(
        "similarity", "sets/alpaca.json", "mini:alpaca-mini", "sets/alpaca.jsonl.gz", "--name", "multi=ma/*.json",
        "--adapter", "chat", "--adapter", "multi=multialpaca", "--language", "multi=file", "--encoder", "./labse",
        "--samples", "100", "--seed", "3", "--text", "instruction", "--accelerator", "GPU", "--title", "mine",
        "--no-wait",
    )  # fmt: skip
    assert code == 0
    assert ID in out
    assert service.posted == [
        {
            "name": "mine",
            "sets": [
                {"name": "alpaca", "data": {"path": str(tmp_path / "sets/alpaca.json"), "adapter": "chat"}},
                {"name": "alpaca-mini", "data": {"mini": "alpaca-mini"}},
                {"name": "alpaca-2", "data": {"path": str(tmp_path / "sets/alpaca.jsonl.gz"), "adapter": "chat"}},
                {"name": "multi", "data": {"path": str(tmp_path / "ma/*.json"), "adapter": "multialpaca",
                                           "languages": {"by": "file"}}},
            ],
            "encoder": str(tmp_path / "labse"),
            "samples": 100,
            "seed": 3,
            "text": "instruction",
            "execution": {"accelerator": "GPU"},
        }
    ]  # fmt: skip


def test_what_is_not_said_is_left_to_the_spec_and_a_name_is_given_to_a_set_in_its_place(
    cftray: Console, service: Service
) -> None:
    cftray("similarity", "/d/a.json", "/d/b.json", "--name", "first=/d/a.json", "--no-wait")
    [document] = service.posted
    assert document == {
        "name": "first-vs-b",
        "sets": [{"name": "first", "data": {"path": "/d/a.json"}}, {"name": "b", "data": {"path": "/d/b.json"}}],
    }


def test_a_spec_file_is_taken_and_options_go_before_it(cftray: Console, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "similarity.yaml"
    path.write_text("name: s\nencoder: mini:encoder\nsamples: 9\nsets:\n- {name: a, data: {path: a.json}}\n")
    cftray("similarity", str(path), "--samples", "5", "--no-wait")
    sets = [{"name": "a", "data": {"path": str(tmp_path / "a.json")}}]
    assert service.posted == [{"name": "s", "encoder": "mini:encoder", "samples": 5, "sets": sets}]


def test_it_waits_and_prints_the_matrix_with_intervals_and_languages(cftray: Console, service: Service) -> None:
    code, out, _ = cftray("similarity", "/d/alpaca.json", "/d/multi.json")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert code == 0
    assert "alpaca-vs-multi alpaca multi" in lines
    place = lines.index("alpaca 1 0.812")
    assert lines[place + 1] == "0.802 to 0.823"
    assert "alpaca multi all 500 × 500 0.812 0.802 to 0.823 0.812" in lines
    assert "en × de 500 × 499 0.750 0.740 to 0.760 0.750" in lines
    assert "en × es 500 × 1 0.250" in lines
    assert "alpaca 500 of 3,000 en 500 1%" in lines
    assert "multi 500 of 900 de 499, es 1 can't be told" in lines


def test_json_is_one_document_with_the_result(cftray: Console, service: Service) -> None:
    code, out, _ = cftray("similarity", "/d/a.json", "/d/b.json", "--json")
    assert (code, json.loads(out)["result"]["matrix"]) == (0, RESULT["matrix"])


def test_a_failure_is_the_exit_code(cftray: Console, service: Service) -> None:
    service.ending = "failed"
    code, out, _ = cftray("similarity", "/d/a.json", "/d/b.json")
    assert (code, "0.812" in out) == (1, False)


def test_commands_on_runs_know_comparisons_by_their_id(cftray: Console, service: Service) -> None:
    code, out, _ = cftray("results", ID)
    assert (code, "0.812" in out) == (0, True)
    _, out, _ = cftray("results", ID, "--json")
    assert json.loads(out)["result"]["samples"] == 500
    service.paths.clear()
    cftray("list", "--similarity")
    assert service.paths == ["/v1/similarity"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/d/a.json", "/d/b.json", "--name", "a"], "NAME=PATH"),
        (["/d/a.json", "/d/a.json"], "each set once"),
        (["/d/a.json", "--name", "a=/d/b.json"], "a name that no other set has"),
        (["/d/a.json", "/d/b.json", "--adapter", "c=chat"], "a set: a, b"),
        (["/d/a"], "two data sets or more"),
        (["spec.yaml", "--adapter", "chat"], "none beside a spec"),
    ],
)
def test_words_of_the_wrong_form_are_refused_here(
    cftray: Console, service: Service, words: list[str], said: str
) -> None:
    code, _, err = cftray("similarity", *words)
    assert (code, said in err) == (2, True)
    assert service.posted == []


def test_from_python_sets_are_named_waited_for_and_read() -> None:
    service = Service()
    client = Client("http://service", transport=httpx.MockTransport(service))
    found = client.similarity({"alpaca": "/d/a.json", "multi": {"mini": "multialpaca-mini"}}, samples=20)
    assert isinstance(found, Similarity)
    assert service.posted[0]["sets"][1] == {"name": "multi", "data": {"mini": "multialpaca-mini"}}
    assert found.result is None
    found.wait()
    assert found.result is not None
    assert found.result["matrix"] == RESULT["matrix"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("/d/alpaca_data.json", "alpaca_data"), ("sets/ma/*.jsonl.gz", "ma"), ("mini:alpaca-mini", "alpaca-mini"),
        ("s3://b/x y.parquet", "x-y"), ("..", "set"),
    ],
)  # fmt: skip
def test_a_path_gives_its_set_a_name(given: str, name: str) -> None:
    assert set_name(given) == name
