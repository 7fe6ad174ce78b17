"""The command line: what is printed, where, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray.cli import app as cli
from cftray.cli import session
from cftray.client import Client

ID = "exp_7k2qh3m5x2ab"
LINKS = {name: f"http://service/{name}" for name in ("self", "report", "ray_dashboard", "mlflow")}


def stage(name: str, title: str, state: str, **more: Any) -> dict[str, Any]:
    rest = {"kind": "train", "cached": False, "why": None, "fingerprint": None, "needs": [], "started_at": None}
    return {"name": name, "title": title, "state": state, **rest, "ended_at": None, "progress": None, **more}


RUNNING = {
    "step": 9120, "total": 14305, "unit": "steps", "tokens_per_s": 31000.0, "eta_seconds": 6120.0,
    "figures": {"loss": 0.874},
}  # fmt: skip
STAGES = [
    stage("train.p1", "phase 1", "cached", why="recorded by exp_0"),
    stage("rows", "replay 10 %", "recorded", started_at="2026-11-23T20:00:00Z", ended_at="2026-11-23T20:00:19Z"),
    stage("train.p2", "phase 2", "running", progress=RUNNING, needs=["train.p1", "rows"]),
    stage("evaluate.p2", "evaluate P2", "new", needs=["train.p2"]),
]


def view(state: str = "running", **more: Any) -> dict[str, Any]:
    progress = {"stages_done": 2, "stages_total": 4, "title": "phase 2"}
    return {
        "id": ID, "name": "mini-similar", "state": state, "terminal": state not in ("queued", "running"),
        "waiting_for": None, "failure": None, "created_at": "2026-11-23T20:00:00Z", "progress": progress,
        "plan": {"complete": True, "stages": STAGES}, "links": LINKS, **more,
    }  # fmt: skip


def event(number: int, kind: str, name: str | None = None, **data: Any) -> dict[str, Any]:
    return {"seq": number, "at": "2026-11-23T20:33:01.5Z", "kind": kind, "stage": name, "data": data}


HISTORY = [
    event(1, "experiment.queued"),
    event(2, "stage.started", "train.p2"),
    event(3, "stage.progress", "train.p2", step=9120, total=14305, unit="steps", figures={"loss": 0.874}),
    event(4, "stage.progress", "train.p2", step=9121, total=14305, unit="steps", figures={"loss": 0.873}),
    event(5, "stage.recorded", "train.p2", seconds=12.0, metrics={}),
]

Handler = Callable[[httpx.Request], httpx.Response]


class Console:
    """Runs commands against `answer`; collects output, errors and exit code."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.answer: Handler = lambda _request: httpx.Response(200, json=view())

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        client = Client("http://service", transport=httpx.MockTransport(self.answer))
        self.monkeypatch.setattr(session.Session, "client", lambda _self: client)
        self.monkeypatch.setattr(sys, "argv", ["cftray", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.run()
        code = end.value.code
        seen = self.capsys.readouterr()
        return code if isinstance(code, int) else 0, seen.out, seen.err


@pytest.fixture
def cftray(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(monkeypatch, capsys)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "spec.yaml"
    path.write_text("recipe: mini\npair: similar\n")
    return str(path)


def ending(state: str, **more: Any) -> Handler:
    """A service whose experiment is over once its events have been read."""

    def answer(request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/events"):
            return httpx.Response(200, json=view(state, **more))
        if request.headers["accept"] == "text/event-stream":
            frames = "".join(f"data: {json.dumps(one)}\n\n" for one in HISTORY)
            return httpx.Response(200, text=frames)
        return httpx.Response(200, json={"data": [], "has_more": False, "next": 5, "terminal": True})

    return answer


def test_get_shows_every_stage_as_it_is(cftray: Console) -> None:
    code, out, _ = cftray("get", ID)

    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "✓ phase 1 recorded by exp_0" in lines
    assert "✓ replay 10 % 0:19" in lines
    assert any("step 9,120 of 14,305 loss 0.87 31k tok/s 1:42:00 left" in line for line in lines)
    assert "· evaluate P2 waits for phase 2" in lines


ANALYSES = [
    {"kind": "des", "title": "DES of the phases' data", "state": "found", "measures": [
        {"name": "similarity/des", "value": 0.612, "low": 0.55, "high": 0.68},
        {"name": "similarity/des/de", "of": "en, de", "value": 0.7}]},
    {"kind": "mpd", "title": "MPD of P1", "state": "left_out", "reason": "needs [D2], which failed: no room"},
    {"kind": "representations", "title": "representations", "seed": 17, "state": "failed", "reason": "no\nmodel"},
]  # fmt: skip


def test_results_tell_what_analyses_found_and_why_others_did_not(cftray: Console) -> None:
    found = {"complete": True, "seeds": [17], "rows": [], "replicas": [], "comparisons": 0, "part_comparisons": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        told = {"results": found | {"analyses": ANALYSES}}
        return httpx.Response(200, json=told if request.url.path.endswith("/results") else view("succeeded"))

    cftray.answer = answer
    code, out, _ = cftray("results", ID)
    assert code == 0
    assert "DES of the phases' data: 0.612 (95 %: 0.550 to 0.680)" in out
    assert "by languages: en, de 0.700" in out
    assert "MPD of P1: left out: needs [D2], which failed: no room" in out
    assert "representations: failed: no model" in out
    _, out, _ = cftray("results", ID, "--json")
    assert json.loads(out)["analyses"] == ANALYSES


def test_stages_that_failed_and_those_that_need_them_say_why(cftray: Console) -> None:
    stages = [
        stage("train.d2", "D2 alone", "failed", why="no room\non the disk"),
        stage("mpd", "MPD", "skipped", why="needs train.d2, which failed"),
        stage("late", "later", "skipped", why="no record under this fingerprint"),
    ]
    plan = {"complete": True, "stages": stages}
    cftray.answer = lambda _request: httpx.Response(200, json=view("succeeded", plan=plan))
    _, out, _ = cftray("get", ID)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "✗ D2 alone failed: no room" in lines
    assert "· MPD left out: needs train.d2, which failed" in lines
    assert "· later skipped" in lines


def test_submit_names_the_experiment_and_its_address(cftray: Console, spec: str) -> None:
    code, out, _ = cftray("submit", spec)

    assert code == 0
    assert ID in out
    assert LINKS["self"] in out


def test_watching_off_a_terminal_is_a_line_an_event_without_control_characters(cftray: Console, spec: str) -> None:
    cftray.answer = ending("succeeded")

    code, out, _ = cftray("submit", spec, "--watch")

    assert code == 0
    assert "20:33:01  mini-similar  queued\n" in out
    assert "20:33:01  mini-similar  phase 2  started" in out
    assert "step 9,120 of 14,305" in out
    assert "step 9,121 of 14,305" not in out  # too soon after the last
    assert "phase 2  recorded after 12 s" in out
    assert not set(out) & {"\x1b", "\r", "\x08"}


def test_watching_an_experiment_that_fails_ends_with_1_and_says_why(cftray: Console) -> None:
    failure = {"stage": "phase 1", "message": "data has no supervised token", "log_tail": "last line"}
    cftray.answer = ending("failed", failure=failure)

    code, out, _ = cftray("watch", ID)

    assert code == 1
    assert "data has no supervised token" in out
    assert "last line" in out


def test_watching_for_programs_is_json_lines(cftray: Console) -> None:
    cftray.answer = ending("succeeded")

    code, out, _ = cftray("watch", ID, "--json")

    assert code == 0
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", ID), ("list",), ("cancel", ID), ("retry", ID), ("plan", "SPEC"), ("submit", "SPEC"), ("recipes",),
        ("schema",),
    ],
)  # fmt: skip
def test_json_is_all_that_is_printed(cftray: Console, spec: str, arguments: tuple[str, ...]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        page = {"data": [view()], "has_more": False, "next": None}
        listed = request.method == "GET" and request.url.path in ("/v1/experiments", "/v1/recipes")
        return httpx.Response(200, json=page if listed else view())

    cftray.answer = answer
    code, out, err = cftray(*(spec if one == "SPEC" else one for one in arguments), "--json")

    assert code == 0
    assert json.loads(out)
    assert err == ""


def test_what_has_failed_is_tried_again_and_watched_to_its_end(cftray: Console) -> None:
    asked: list[str] = []
    over = ending("succeeded")

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.method} {request.url.path}")
        return httpx.Response(202, json=view("queued")) if request.method == "POST" else over(request)

    cftray.answer = answer
    code, out, _ = cftray("retry", ID)
    assert (code, out.split()) == (0, [ID, "queued"])
    assert asked[-1] == f"POST /v1/experiments/{ID}/retry"
    assert cftray("retry", ID, "--watch")[0] == 0


def test_what_has_not_failed_is_not_tried_again(cftray: Console) -> None:
    problem = {"status": 409, "code": "conflict", "detail": f"{ID} is running; only a failed one is tried again"}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(409, json=problem) if request.method == "POST" else httpx.Response(200, json=view())

    cftray.answer = answer
    code, _, err = cftray("retry", ID)
    assert code == 2
    assert "only a failed one is tried again" in err


def test_a_refusal_lists_every_fault_under_the_file_s_name(cftray: Console, spec: str) -> None:
    faults = [
        {"path": "phase2.mitigation.ratio", "given": "1.5", "expected": "more than 0, at most 1"},
        {"path": "pair", "given": "x", "expected": "similar or dissimilar"},
    ]
    problem = {"status": 422, "code": "spec-refused", "detail": "2 faults, nothing was stored", "faults": faults}
    cftray.answer = lambda _request: httpx.Response(422, json=problem)

    code, out, err = cftray("submit", spec)

    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"{spec}: 2 faults, nothing was stored",
        "  phase2.mitigation.ratio   1.5   more than 0, at most 1",
        "  pair                      x     similar or dissimilar",
    ]


def test_a_refusal_for_programs_is_json_on_standard_error(cftray: Console, spec: str) -> None:
    problem = {
        "status": 422,
        "code": "spec-refused",
        "detail": "…",
        "faults": [{"path": "a", "given": "b", "expected": "c"}],
    }
    cftray.answer = lambda _request: httpx.Response(422, json=problem)

    code, out, err = cftray("submit", spec, "--json")

    assert (code, out) == (2, "")
    assert json.loads(err)["faults"] == [{"path": "a", "given": "b", "expected": "c"}]


def test_an_experiment_that_does_not_exist_is_a_wrong_request(cftray: Console) -> None:
    cftray.answer = lambda _request: httpx.Response(404, json={"code": "not-found", "detail": "no experiment exp_x"})

    assert cftray("get", "exp_x") == (2, "", "no experiment exp_x\n")


def test_a_file_that_is_not_there_is_a_wrong_request(cftray: Console, tmp_path: Path) -> None:
    code, _, err = cftray("submit", str(tmp_path / "no.yaml"))

    assert code == 2
    assert "no.yaml" in err


def test_a_service_that_can_t_be_reached_ends_with_3(cftray: Console) -> None:
    def gone(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Connection refused")

    cftray.answer = gone
    code, out, err = cftray("list")

    assert (code, out) == (3, "")
    assert "http://service can't be reached" in err


def test_the_stack_of_this_folder_is_found_by_its_state_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CFTRAY_HOME", raising=False)
    (tmp_path / ".cftray").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    parts = [{"name": "ray", "url": "http://127.0.0.1:1"}, {"name": "api", "url": "http://127.0.0.1:8123"}]
    (tmp_path / ".cftray" / "state.json").write_text(json.dumps({"parts": parts}))
    monkeypatch.chdir(tmp_path / "deep" / "er")

    assert session.local_stack() == "http://127.0.0.1:8123"

    (tmp_path / ".cftray" / "state.json").write_text("{")
    assert session.local_stack() is None


def test_help_needs_neither_torch_nor_ray_nor_the_spec_s_models() -> None:
    code = (
        "import sys; from cftray.cli import app; "
        "heavy = {'torch', 'ray', 'mlflow', 'numpy', 'pydantic', 'httpx'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def matrix_view(**more: Any) -> dict[str, Any]:
    return {"id": "mat_1", "name": "forgetting", "terminal": True, "counts": {"succeeded": 3}, **more}


def matrix_service(view: dict[str, Any]) -> Handler:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/matrices/mat_1/report":
            return httpx.Response(200, text="<html>whole</html>")
        return httpx.Response(200, json=view)

    return answer


def test_a_matrix_report_is_saved_under_its_name(
    cftray: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cftray.answer = matrix_service(matrix_view())
    code, out, err = cftray("matrix", "report", "mat_1")
    assert (code, err) == (0, "")
    assert out.startswith("forgetting.html")
    assert (tmp_path / "forgetting.html").read_text() == "<html>whole</html>"


def test_the_report_of_an_unfinished_matrix_says_so(cftray: Console, tmp_path: Path) -> None:
    cftray.answer = matrix_service(matrix_view(terminal=False, counts={"running": 1, "succeeded": 2}))
    code, _, err = cftray("matrix", "report", "mat_1", "--output", str(tmp_path / "x.html"))
    assert code == 0
    assert "not every cell is over (1 running, 2 succeeded)" in err
    assert (tmp_path / "x.html").exists()
