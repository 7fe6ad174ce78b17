"""The client against a service that answers from memory, goes away and comes back."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cftray import client_runs
from cftray.client import Client, ExperimentFailed, Refused, Results, Unreachable
from cftray.errors import SpecRefused
from cftray.recipes import mini
from cftray.spec import experiment_from_document, parse_document

ID = "exp_7k2qh3m5x2ab"


def event(number: int) -> dict[str, Any]:
    return {"seq": number, "at": "2026-11-23T20:00:00Z", "kind": "stage.progress", "stage": "train.p1.s17", "data": {}}


def frame(one: dict[str, Any]) -> str:
    return f"id: {one['seq']}\nevent: {one['kind']}\ndata: {json.dumps(one)}\n\n"


class Service:
    """One experiment with a history; `streams` are what the next live streams bring before they end."""

    def __init__(self, events: int = 4, state: str = "succeeded") -> None:
        self.history = [event(number) for number in range(1, events + 1)]
        self.state = state
        self.streams: list[str | Exception] = []
        self.faults: list[Exception | None] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        path = request.url.path
        if path.endswith("/events"):
            return self._events(request)
        if path.endswith("/report"):
            return httpx.Response(200, text="<html>é</html>")
        if path.endswith("/results"):
            return httpx.Response(200, json={"results": RESULTS})
        if path == "/v1/experiments" and request.method == "GET":
            return self._page(request)
        return httpx.Response(201 if request.method == "POST" else 200, json=self.view())

    def view(self, identifier: str = ID) -> dict[str, Any]:
        failure = {"message": "no supervised token", "stage": "tokens.p1"} if self.state == "failed" else None
        return {"id": identifier, "name": "x", "state": self.state, "terminal": True, "failure": failure}

    def _events(self, request: httpx.Request) -> httpx.Response:
        if request.headers["accept"] == "text/event-stream":
            after = int(request.headers["last-event-id"])
            found = self.streams.pop(0) if self.streams else "".join(frame(one) for one in self.history[after:])
            if isinstance(found, Exception):
                raise found
            return httpx.Response(200, text=found, headers={"content-type": "text/event-stream"})
        after = int(request.url.params["after"])
        page = {
            "data": self.history[after:],
            "has_more": False,
            "next": len(self.history),
            "terminal": not self.streams,
        }
        if self.streams:  # what comes only live
            page |= {"data": [], "next": after}
        return httpx.Response(200, json=page)

    def _page(self, request: httpx.Request) -> httpx.Response:
        start = int(request.url.params.get("after", 0))
        size = int(request.url.params["limit"])
        data = [self.view(f"exp_{number}") for number in range(start, min(5, start + size))]
        more = start + size < 5
        return httpx.Response(200, json={"data": data, "has_more": more, "next": str(start + size) if more else None})


RESULTS = {
    "complete": True,
    "rows": [
        {
            "key": "ta/ifeval", "level": "benchmark", "suite": "ta", "benchmark": "ifeval", "language": None,
            "metric": "acc", "p1": {"score": 0.5, "stderr": 0.05, "n": 100},
            "p2": {"score": 0.4, "stderr": 0.05, "n": 100},
            "change": {"difference": -0.1, "verdict": "falls"},
        },
        {
            "key": "la/mlqa/de", "level": "part", "suite": "la", "benchmark": "mlqa", "language": "de",
            "metric": "f1", "p1": {"score": 0.1, "stderr": 0.02, "n": 50}, "p2": None, "change": None,
        },
    ],
}  # fmt: skip


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    made = Client("http://service", api_key="key", transport=httpx.MockTransport(service))
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_runs, "POLL_S", 0.01)


def answering(status: int, body: object) -> Client:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, json=body))
    return Client("http://service", transport=transport)


def test_a_spec_a_document_and_a_file_are_submitted_alike(client: Client, service: Service, tmp_path: Path) -> None:
    spec = mini("similar")
    path = tmp_path / "spec.yaml"
    path.write_text(json.dumps(spec.model_dump(mode="json")))

    for source in (spec, spec.model_dump(mode="json"), path, str(path)):
        assert client.submit(source).id == ID

    assert {experiment_from_document(json.loads(request.content)) for request in service.requests} == {spec}
    assert all(request.headers["authorization"] == "Bearer key" for request in service.requests)


def test_a_lost_answer_is_asked_for_again_under_the_same_key(client: Client, service: Service) -> None:
    service.faults = [httpx.ReadError("gone")]

    client.submit({"recipe": "mini"})

    first, second = (request.headers["idempotency-key"] for request in service.requests)
    assert first == second


def test_paths_of_a_file_are_relative_to_it_and_may_name_variables(
    client: Client, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA", "/srv/data")
    (tmp_path / "models" / "own").mkdir(parents=True)
    path = tmp_path / "spec.yaml"
    path.write_text(
        "base: {model: models/own}\n"
        "phase1: {adopt: mistralai/Mistral-7B-v0.1}\n"
        "phase2: {data: {path: '${DATA}/de/*.jsonl', adapter: alpaca}}\n"
        "other: [{path: ../rows.json}, {model: mini:base}, {path: 's3://bucket/${DATA}//rows.json'}]\n"
    )

    client.submit(path)

    sent = json.loads(service.requests[0].content)
    assert sent["base"]["model"] == str(tmp_path / "models" / "own")
    assert sent["phase1"]["adopt"] == "mistralai/Mistral-7B-v0.1"
    assert sent["phase2"]["data"]["path"] == "/srv/data/de/*.jsonl"
    assert sent["other"] == [
        {"path": str(tmp_path.parent / "rows.json")},
        {"model": "mini:base"},
        {"path": "s3://bucket//srv/data//rows.json"},
    ]


def serving(content: bytes, etag: str) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/items"):
            return httpx.Response(200, content=content, headers={"ETag": etag})
        return httpx.Response(200, json={"id": ID, "name": "x", "state": "succeeded", "terminal": True})

    return Client("http://service", transport=httpx.MockTransport(answer))


def test_items_are_saved_as_they_come(tmp_path: Path) -> None:
    client = serving(b"items", f'"{hashlib.sha256(b"items").hexdigest()}"')

    path = client.get(ID).items(tmp_path / "new" / "items.parquet", "p2", seed=17)

    assert path.read_bytes() == b"items"
    assert [one.name for one in path.parent.iterdir()] == ["items.parquet"]


def test_a_file_that_came_damaged_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"earlier")

    with pytest.raises(Unreachable, match="damaged"):
        serving(b"item", '"0123"').get(ID).items(tmp_path / "items.parquet", "p2")

    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("items.parquet", b"earlier")]


def test_a_missing_variable_is_a_fault_and_nothing_is_sent(client: Client, service: Service) -> None:
    document = parse_document("phase2: {data: {path: $NOT_SET_ANYWHERE/rows.json}}")

    with pytest.raises(SpecRefused) as refused:
        client.submit(document)

    [fault] = refused.value.faults
    assert fault.path == "phase2.data.path"
    assert "NOT_SET_ANYWHERE is not set" in fault.expected
    assert service.requests == []


def test_a_refusal_carries_its_faults() -> None:
    fault = {"path": "pair", "given": "x", "expected": "similar or dissimilar"}
    problem = {"status": 422, "code": "spec-refused", "detail": "1 fault, nothing was stored", "faults": [fault]}

    with pytest.raises(SpecRefused) as refused:
        answering(422, problem).submit({"recipe": "mini", "pair": "x"})

    assert [one.path for one in refused.value.faults] == ["pair"]


def test_other_problems_carry_status_and_code() -> None:
    with pytest.raises(Refused, match="no experiment exp_1") as refused:
        answering(404, {"status": 404, "code": "not-found", "detail": "no experiment exp_1"}).get("exp_1")

    assert (refused.value.status, refused.value.code) == (404, "not-found")


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_service_that_can_t_answer_now_counts_as_unreachable(status: int) -> None:
    with pytest.raises(Unreachable):
        answering(status, {"detail": "the database does not answer"}).get(ID)


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(Unreachable, match="CFTRAY_URL"):
        Client("localhost:8000")


def test_lists_go_over_all_pages(client: Client, service: Service) -> None:
    assert [run.id for run in client.list(limit=3)] == ["exp_0", "exp_1", "exp_2"]
    assert len(list(client.list(state="failed"))) == 5
    assert service.requests[-1].url.params["state"] == "failed"


def test_events_come_once_each_however_often_the_stream_breaks(client: Client, service: Service) -> None:
    cut = frame(service.history[2]).removesuffix("\n")
    service.streams = [
        frame(service.history[0]) + frame(service.history[1]) + cut,
        httpx.ReadError("the service restarts"),
        frame(service.history[1]) + frame(service.history[2]),
    ]

    seen = [one["seq"] for one in client.get(ID).follow()]

    assert seen == [1, 2, 3, 4]
    marks = [request.headers.get("last-event-id") for request in service.requests if "last-event-id" in request.headers]
    assert marks[:3] == ["0", "2", "2"]


def test_without_streams_events_are_polled_for(client: Client, service: Service) -> None:
    service.streams = ["{}"] * client_runs.VAIN_STREAMS

    assert [one["seq"] for one in client.get(ID).follow()] == [1, 2, 3, 4]


def test_waiting_survives_a_restart_of_the_service(client: Client, service: Service) -> None:
    run = client.get(ID)
    service.faults = [httpx.ConnectError("refused")] * 5

    assert run.wait().state == "succeeded"


def test_waiting_gives_up_on_a_service_that_stays_away(client: Client, service: Service) -> None:
    run = client.get(ID)
    service.faults = [httpx.ConnectError("refused")] * 10_000

    with pytest.raises(Unreachable):
        list(run.follow(patience_s=0.1))


def test_waiting_ends_at_its_timeout(client: Client, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    run = client.get(ID)
    monkeypatch.setattr(service, "view", lambda: {"id": ID, "name": "x", "state": "running", "terminal": False})
    service.streams = [": still here\n\n"] * 10_000

    started = time.monotonic()
    with pytest.raises(TimeoutError, match="running"):
        run.wait(timeout=0.2)

    assert time.monotonic() - started < 10


def test_waiting_for_an_experiment_that_failed_raises_why(client: Client, service: Service) -> None:
    service.state = "failed"

    with pytest.raises(ExperimentFailed, match="no supervised token"):
        client.get(ID).wait()
    assert client.get(ID).wait(check=False).state == "failed"


def test_results_have_a_row_per_model_task_and_language(client: Client) -> None:
    found = client.get(ID).results()

    assert [(row["model"], row["key"], row["score"]) for row in found.rows] == [
        ("P1", "ta/ifeval", 0.5),
        ("P1", "la/mlqa/de", 0.1),
        ("P2", "ta/ifeval", 0.4),
    ]
    assert [row["key"] for row in found.changes] == ["ta/ifeval"]


def test_results_become_a_data_frame() -> None:
    pytest.importorskip("pandas")

    frame_ = Results(RESULTS).to_pandas()

    assert list(frame_["n"]) == [100, 50, 100]


def test_a_matrix_has_a_report_and_figures_to_be_saved(client: Client, service: Service, tmp_path: Path) -> None:
    matrix = client.get_matrix("mat_1")
    assert matrix.report(tmp_path / "new" / "m.html").read_text(encoding="utf-8") == "<html>é</html>"
    matrix.figure("changes", tmp_path / "x.svg")
    assert service.requests[-1].url.path == f"{matrix.path}/figures/changes.svg"
    with pytest.raises(SpecRefused, match=r"ends with \.svg or \.png"):
        matrix.figure("changes", tmp_path / "x.gif")


def test_the_report_is_saved(client: Client, tmp_path: Path) -> None:
    path = client.get(ID).report(tmp_path / "new" / "report.html")

    assert path.read_text(encoding="utf-8") == "<html>é</html>"
