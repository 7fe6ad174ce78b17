"""`cftray sweep`: what is sent, what is printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.client import Client
from cftray.client_sweeps import Sweep
from tests.unit.test_cli import Console, event, stage
from tests.unit.test_cli import view as experiment_view

ID = "swp_7k2qh3m5x2ab"
RATE = "phase2.hyperparameters.learning_rate"
DOCUMENT = {"name": "rates", "spec": {"recipe": "mini", "pair": "dissimilar"}, "space": {RATE: [1e-4, 2e-4]}}
YAML = f"name: rates\nspec: {{recipe: mini, pair: dissimilar}}\nspace: {{{RATE}: [1.0e-4, 2.0e-4]}}\n"


def rung(share: float, ta: float, la: float, violation: float = 0.0) -> dict[str, Any]:
    scores = {"p1": {"ta": 0.6, "la": 0.1}, "p2": {"ta": ta, "la": la}, "value": la, "violation": violation}
    return {"share": share, "at": "2026-11-27T02:03:04.000+00:00"} | scores


def trial(number: int, state: str, *rungs: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"number": number, "values": {RATE: number * 1e-4}, "state": state, "rungs": list(rungs)} | more


TRIALS = [
    trial(1, "finished", rung(0.5, 0.5, 0.2), rung(1.0, 0.55, 0.4)),
    trial(2, "stopped", rung(0.5, 0.3, 0.1, 0.1)),
    trial(3, "failed", failure="nothing to train on"),
]


def view(state: str = "succeeded") -> dict[str, Any]:
    plan = {"complete": True, "stages": [stage("train.p1.s17", "phase 1", "recorded")]}
    spec = {"objective": {"maximise": "la"}}
    swept = {"id": ID, "name": "rates", "plan": plan, "spec": spec, "trials": TRIALS, "best": 1}
    return experiment_view(state) | swept


EVENTS = [
    event(1, "trial.scored", **rung(0.5, 0.5, 0.2), trial=1, rung=1),
    event(2, "trial.scored", **rung(0.5, 0.3, 0.1, 0.1), trial=2, rung=1),
    event(3, "trial.ended", trial=2, end="stopped", rung=1, failure=None),
    event(4, "trial.ended", trial=3, end="failed", rung=0, failure={"message": "nothing to train on"}),
    event(5, "experiment.succeeded"),
]


class Service:
    """Remembers what was asked; sweeps end at once."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911
        path = request.url.path
        self.paths.append(path)
        if request.method == "POST":
            self.posted.append(json.loads(request.content or b"{}"))
            return httpx.Response(202, json=view("cancelling" if path.endswith("/cancel") else "queued"))
        if path.endswith("/events"):
            page = {"data": EVENTS, "has_more": False, "next": len(EVENTS), "terminal": True}
            live = request.headers["accept"] == "text/event-stream"
            return httpx.Response(200, text="") if live else httpx.Response(200, json=page)
        if path.endswith("/results"):
            told = {"maximise": "la", "trials": TRIALS, "best": 1, "front": [1], "complete": True}
            return httpx.Response(200, json={"results": told})
        if path.endswith("/report"):
            return httpx.Response(200, text="<!doctype html>")
        if "/figures/" in path:
            return httpx.Response(200, content=b"\x89PNG")
        if path == "/v1/sweeps":
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


@pytest.fixture
def document(tmp_path: Path) -> str:
    path = tmp_path / "sweep.yaml"
    path.write_text(YAML)
    return str(path)


def test_a_file_is_submitted_and_its_trials_shown(cftray: Console, service: Service, document: str) -> None:
    code, out, _ = cftray("sweep", "submit", document)
    assert code == 0
    assert service.posted == [DOCUMENT]
    assert ID in out
    lines = [line.split() for line in out.splitlines()]
    assert ["1", "★", "0.0001", "finished", "40.0", "kept", "−5.0", "+30.0"] in lines
    assert ["2", "0.0002", "stopped", "at", "50", "%", "10.0", "missed", "by", "10.0", "−30.0", "+0.0"] in lines
    assert "failed: nothing to train on" in out


def test_watching_ends_with_the_best_trial_and_the_exit_code(cftray: Console, service: Service, document: str) -> None:
    code, out, _ = cftray("sweep", "submit", document, "--watch")
    assert code == 0
    assert "best: trial 1\nbeaten by none in TA and LA together: 1\n" in out


def test_watched_lines_tell_which_trial_and_how_it_stands(
    cftray: Console, service: Service, document: str
) -> None:
    _, out, _ = cftray("sweep", "submit", document, "--watch")
    lines = [" ".join(line.split()[1:]) for line in out.splitlines() if line.startswith("20:33:01")]
    assert lines == [
        "rates trial 1 after 50 %: 20.0", "rates trial 2 after 50 %: 10.0, misses the constraints by 10.0",
        "rates trial 2 stopped", "rates trial 3 failed: nothing to train on", "rates succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize("command", [("get",), ("results",), ("list",)])
def test_json_is_for_programs(cftray: Console, service: Service, command: tuple[str, ...]) -> None:
    arguments = () if command == ("list",) else (ID,)
    code, out, _ = cftray("sweep", *command, *arguments, "--json")
    assert code == 0
    assert json.loads(out)


def test_report_and_cancel(cftray: Console, service: Service, tmp_path: Path) -> None:
    target = tmp_path / "made" / "sweep.html"
    assert cftray("sweep", "report", ID, "--output", str(target))[0] == 0
    assert target.read_text() == "<!doctype html>"
    code, out, _ = cftray("sweep", "cancel", ID)
    assert (code, out.split()) == (0, [ID, "cancelling"])
    assert service.paths[-1] == f"/v1/sweeps/{ID}/cancel"


def test_what_is_asked_of_an_experiment_is_told_to_be_a_sweep_s(cftray: Console, service: Service) -> None:
    code, _, err = cftray("results", ID)
    assert code == 2
    assert f"`cftray sweep results {ID}`" in err


def test_from_python_a_sweep_is_a_run_with_trials(tmp_path: Path) -> None:
    client = Client("http://service", transport=httpx.MockTransport(Service()))
    sweep = client.get(ID)
    assert isinstance(sweep, Sweep)
    assert [one["number"] for one in sweep.trials] == [1, 2, 3]
    assert sweep.best is not None
    assert sweep.best["values"] == {RATE: 1e-4}
    assert sweep.trial_results()["front"] == [1]
    assert sweep.picture(tmp_path / "pareto.png").read_bytes() == b"\x89PNG"
    assert isinstance(client.sweep(DOCUMENT), Sweep)
