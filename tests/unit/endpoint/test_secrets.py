"""A key goes to its endpoint and nowhere else: not into an error, a log, a file, a representation."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import pytest

from cftray.endpoint import Failure, Retries
from cftray.endpoint.keys import Key, read_key
from cftray.errors import CFTRayError, EndpointRefused
from cftray.runner.failures import failure_of
from tests.unit.endpoint.conftest import KEY, complete, told
from tests.unit.endpoint.server import echo, echo_as_answer, echo_plainly, half, nothing, says, silence

ECHOES = [echo, echo_plainly(400), echo_plainly(401), echo_plainly(500), echo_plainly(302), echo_as_answer,
          says(b'{"choices": "' + KEY.replace("/", "\\/").encode() + b'"}')]  # fmt: skip


def everything_told(folder, error, caplog):
    """All that is left of a call: files, logs, and the error as a job would record it."""
    kept = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    shown = "".join(traceback.format_exception(error)) + repr(error) + failure_of(error, "stage").model_dump_json()
    return "\n".join([*kept, *(record.getMessage() for record in caplog.records), shown])


def test_the_key_is_sent_as_the_protocol_wants(server, endpoint, tmp_path):
    complete(endpoint(), ["a"], tmp_path)
    assert server.sent[0]["headers"]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("play", [*ECHOES, half, nothing, silence])
def test_no_misbehaving_server_gets_the_key_into_an_error_a_log_or_a_file(play, server, endpoint, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    server.always = play
    asked = endpoint(timeout_s=0.2, retries=Retries(attempts=2, give_up_after=2))
    with pytest.raises(CFTRayError) as caught:
        complete(asked, ["a", "b", "c"], tmp_path)
    assert KEY not in everything_told(tmp_path, caught.value, caplog)
    assert "0123456789" not in everything_told(tmp_path, caught.value, caplog)


@pytest.mark.parametrize("play", [echo, echo_plainly(400)])
def test_a_row_s_failure_repeats_the_server_s_words_without_the_key(play, server, endpoint, tmp_path):
    server.plays["a"] = [play]
    found, _ = complete(endpoint(), ["a", "b"], tmp_path)
    assert isinstance(found, Failure)
    assert "Bearer [key]" in found.message


def test_an_answer_that_holds_the_key_is_none(server, endpoint, tmp_path):
    server.plays["a"] = [echo_as_answer] * 6
    found, good = complete(endpoint(concurrency=1), ["a", "b"], tmp_path)
    assert "holds the key" in found.message
    assert told(good) == "re: b"


def test_a_redirect_does_not_take_the_key_along(server, endpoint, tmp_path):
    def elsewhere(handler, body):
        handler.reply(307, b"", Location=f"{server.url}/elsewhere")

    server.always = elsewhere
    with pytest.raises(EndpointRefused, match="redirect"):
        complete(endpoint(concurrency=1), ["a"], tmp_path)
    assert {one["path"] for one in server.sent} == {"/v1/chat/completions"}


def test_a_key_shows_its_variable_and_not_itself():
    key = Key("JUDGE_KEY", KEY)
    for shown in (repr(key), str(key), f"{key}", f"{[key]}", f"{key!r:>40}"):
        assert "JUDGE_KEY" in shown
        assert KEY not in shown
    for way in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            way(key)


@pytest.mark.parametrize("form", [KEY, KEY.replace("/", "\\/"), f"x{KEY}y{KEY}"])
def test_a_key_is_hidden_in_all_its_forms(form):
    assert "0123456789" not in Key("JUDGE_KEY", KEY).hide(f"before {form} after")


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "is not set"), ("", "is not set"), ("  \n", "is not set"), ("sk-secret value", "no key has"),
     ("sk-secret\nX-Header: 1", "no key has"), ("sk-sécret-value", "no key has"), ("EMPTY", "leave key_env out")],
)  # fmt: skip
def test_a_key_that_is_missing_or_can_t_be_one_is_refused_by_its_variable(value, said):
    with pytest.raises(EndpointRefused, match=said) as refused:
        read_key("judge", "JUDGE_KEY", {"JUDGE_KEY": value} if value is not None else {})
    assert "JUDGE_KEY" in refused.value.message
    assert not value or not value.strip() or value not in refused.value.message


def test_a_line_end_behind_a_key_is_not_part_of_it():
    assert read_key("judge", "JUDGE_KEY", {"JUDGE_KEY": f"{KEY}\n"}).reveal() == KEY
