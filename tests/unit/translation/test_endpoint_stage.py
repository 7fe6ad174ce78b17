"""The stage through an endpoint that misbehaves: finished rows are kept, the rest is asked for, no key gets out."""

from __future__ import annotations

import json
import logging

import pytest

from cftray.data.adapters import read_rows
from cftray.errors import CFTRayError, EndpointRefused, EndpointUnavailable
from cftray.runner.failures import failure_of
from tests.unit.endpoint.conftest import KEY, HandClock
from tests.unit.endpoint.server import answer, completion, echo, echo_as_answer, half, nothing, says, status
from tests.unit.translation.fakes import Here

ROWS = 24
TRANSLATOR = {"kind": "endpoint", "endpoint": "local", "model": "small", "batch_size": 8}


@pytest.fixture
def through(server, written, translated, monkeypatch):
    """Runs attempts at the stage over rows of two texts each, behind an endpoint whose waits are free."""
    settings = {"local": {"url": server.url, "key_env": "TEST_KEY", "concurrency": 1, "timeout_s": 3600}}
    monkeypatch.setenv("CFTRAY_ENDPOINTS", json.dumps(settings))
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setattr("cftray.endpoint.endpoint.SystemClock", HandClock)
    rows = written(*({"instruction": f"Name thing {n}.", "output": f"It is thing {n}."} for n in range(ROWS)))

    def run(**more):
        artifact, *_ = translated(rows, Here(), translator=TRANSLATOR, gate={"language": False}, **more)
        return artifact

    return run


def first(play, times, then=answer):
    """One thing the first times, another afterwards."""
    left = [play] * times

    def one(handler, body):
        with handler.server.lock:
            now = left.pop() if left else then
        now(handler, body)

    return one


def about(text, play):
    """Misbehaves for one text alone."""

    def one(handler, body):
        (play if body["messages"][-1]["content"] == text else answer)(handler, body)

    return one


def used(artifact):
    return {row.english_id: row for row in read_rows(artifact.outputs["rows"] / "rows.jsonl")}


def aside(artifact):
    return {one["id"]: one["reason"] for one in map(json.loads, artifact.outputs["set_aside"].open())}


def asked(server):
    return {(one["body"]["messages"][-1]["content"], one["body"].get("seed")) for one in server.sent}


def test_rows_come_back_as_the_endpoint_translates_them(through):
    artifact = through()
    assert [row.english_id for row in used(artifact).values()] == sorted(f"r{n}" for n in range(ROWS))
    row = used(artifact)["r7"]
    assert (row.instruction, row.output, row.language) == ("re: Name thing 7.", "re: It is thing 7.", "de")
    assert artifact.metrics["translated"] == ROWS


@pytest.mark.parametrize(
    "play", [status(429, Retry_After="20"), status(500), says(b"<html>"), says({"choices": []}), half, nothing],
    ids=["429", "500", "garbage", "no choices", "half", "nothing"],
)  # fmt: skip
def test_what_goes_wrong_now_and_then_changes_no_row(play, through, server):
    server.always = first(play, 3)
    artifact = through()
    assert {row.output for row in used(artifact).values()} == {f"re: It is thing {n}." for n in range(ROWS)}
    assert not aside(artifact)


@pytest.mark.parametrize(
    "play", [status(400, "too long"), says(completion("re: It is", "length")), says(b"<html>"), half],
    ids=["refused", "cut", "garbage", "half"],
)  # fmt: skip
def test_a_row_that_is_never_answered_is_set_aside_and_the_others_are_kept(play, through, server):
    server.always = about("It is thing 3.", play)
    artifact = through()
    assert aside(artifact) == {"r3": "unanswered"}
    assert len(used(artifact)) == ROWS - 1


def test_an_endpoint_that_stops_keeps_what_it_answered_and_a_retry_asks_for_the_rest(through, server, tmp_path):
    whole = through(name="whole")
    every = asked(server)
    server.sent.clear()
    server.always = first(answer, 20, then=status(503, "overloaded"))
    with pytest.raises(EndpointUnavailable, match=r"503: overloaded.*a retry asks only for the rest"):
        through(name="cut")
    del server.sent[20:]
    answered = asked(server)
    server.sent.clear()
    server.always = answer
    again = through(name="again", earlier=[tmp_path / "cut"])
    assert asked(server) == every - answered
    assert len(answered) == 20
    for output in ("rows/rows.jsonl", "set_aside.jsonl"):
        assert (tmp_path / "again" / output).read_bytes() == (tmp_path / "whole" / output).read_bytes()
    assert used(again).keys() == used(whole).keys()


def test_an_endpoint_that_answers_nothing_at_all_is_no_row_s_fault(through, server):
    server.always = says(b"<html>")
    with pytest.raises(EndpointUnavailable, match="endpoint local"):
        through()


def test_a_set_whose_every_row_is_refused_is_an_endpoint_of_no_use(through, server):
    server.always = status(400, "unsupported parameter")
    with pytest.raises(EndpointRefused, match=r"requests in a row failed.*unsupported parameter"):
        through()


def test_a_missing_key_is_named_by_its_variable(through, server, monkeypatch):
    monkeypatch.delenv("TEST_KEY")
    with pytest.raises(EndpointRefused, match="TEST_KEY is not set where the work runs"):
        through()
    assert not server.sent


@pytest.mark.parametrize(
    ("play", "fails"),
    [(answer, False), (first(status(500), 3), False), (about("It is thing 3.", echo), False), (echo, True),
     (about("It is thing 3.", echo_as_answer), False), (echo_as_answer, True), (status(401), True)],
)  # fmt: skip
def test_the_key_is_in_no_file_log_or_message(play, fails, through, server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    server.always = play
    try:
        told = json.dumps(dict(through().details))
    except CFTRayError as error:
        told = "failed " + repr(error) + failure_of(error, "translate").model_dump_json()
    assert fails == told.startswith("failed")
    assert server.sent[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    kept = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    everything = "\n".join([told, *kept, *(record.getMessage() for record in caplog.records)])
    assert KEY not in everything
    assert "0123456789" not in everything
