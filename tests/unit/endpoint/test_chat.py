"""Conversations in, texts out, whatever a translator or a judge makes of them."""

from __future__ import annotations

import json

import pytest

from cftray.endpoint import Failure, Reason, open_chat
from cftray.errors import BudgetExceeded
from cftray.spec import EndpointBudget, EndpointModel
from tests.unit.endpoint.server import completion, says, status

WANTED = EndpointModel(endpoint="local", model="small")


def asked(text):
    return [{"role": "system", "content": "Translate."}, {"role": "user", "content": text}]


def chat(server, folder, limits=None, **more):
    environment = {"CFTRAY_ENDPOINTS": json.dumps({"local": {"url": server.url}})}
    return open_chat(WANTED, environment, folder, limits=limits or EndpointBudget(), **more)


def test_texts_and_failures_come_in_order(server, tmp_path):
    server.plays["bad"] = [status(400, "too long")]
    server.plays["long"] = [says(completion("and so", "length"))]
    with chat(server, tmp_path) as one:
        first, bad, long, last = one.ask([asked("a"), asked("bad"), asked("long"), asked("b")])
    assert (first, last) == ("re: a", "re: b")
    assert isinstance(bad, Failure)
    assert bad.reason is Reason.REFUSED
    assert isinstance(long, Failure)
    assert long.reason is Reason.CUT
    assert "max_tokens" in long.message


def test_nothing_asked_is_nothing_answered(server, tmp_path):
    with chat(server, tmp_path) as one:
        assert one.ask([]) == []


def test_what_is_known_is_told_without_asking(server, tmp_path):
    server.plays["long"] = [says(completion("and so", "length"))]
    with chat(server, tmp_path) as one:
        one.ask([asked("a"), asked("long")])
        server.always = status(401)
        told, long, never, anew = one.known([asked("a"), asked("long"), asked("b")]) + one.known([asked("a")], seed=1)
    assert told == "re: a"
    assert isinstance(long, Failure)
    assert long.reason is Reason.CUT
    assert (never, anew) == (None, None)


def test_settings_of_a_question_go_before_those_of_the_chat(server, tmp_path):
    with chat(server, tmp_path) as one:
        one.ask([asked("a")], seed=7, temperature=0.5, max_tokens=3)
    body = server.sent[0]["body"]
    assert (body["seed"], body["temperature"], body["max_tokens"]) == (7, 0.5, 3)
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert "Authorization" not in server.sent[0]["headers"]


def test_a_later_attempt_pays_only_for_what_is_left(server, tmp_path):
    limits = EndpointBudget(requests=3)
    with chat(server, tmp_path / "1", limits) as one:
        one.ask([asked("a"), asked("b")])
    server.plays["a"] = [says(completion("another"))]
    with chat(server, tmp_path / "2", limits, earlier=[tmp_path / "1"]) as one:
        assert one.ask([asked("a"), asked("c")]) == ["re: a", "re: c"]
        with pytest.raises(BudgetExceeded, match="so far: 3 requests, 45 tokens"):
            one.ask([asked("d")])
