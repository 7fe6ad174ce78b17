"""A row that can't be answered is a Failure; an endpoint that can't be used is an error; nothing is paid twice."""

from __future__ import annotations

import pytest

from cftray.endpoint import Answer, AnswerFolder, Budget, Failure, Reason, Retries
from cftray.endpoint.pace import SystemClock
from cftray.errors import BudgetExceeded, Cancelled, EndpointRefused, EndpointUnavailable, FailureClass
from cftray.spec import EndpointBudget
from tests.unit.endpoint.conftest import complete, request, told
from tests.unit.endpoint.server import ANY, completion, drip, fails_for_good, half, nothing, says, silence, status

GARBAGE = says(b"<html>Bad Gateway</html>")
NO_CHOICES = says({"choices": []})
ERROR_IN_200 = says({"error": {"message": "overloaded"}})
NOT_A_MESSAGE = says({"choices": ["what"]})
NO_TEXT = says(completion(None))


def test_answers_come_in_the_order_of_the_requests(server, endpoint, tmp_path):
    texts = [f"row {n}" for n in range(50)]
    for text in texts[::3]:
        server.plays[text] = [status(503)]
    results = complete(endpoint(concurrency=8), texts, tmp_path)
    assert [told(one) for one in results] == [f"re: {text}" for text in texts]


@pytest.mark.parametrize(
    "play", [status(429, Retry_After="1"), status(429), status(500), status(502), status(503), status(504), GARBAGE,
             NO_CHOICES, ERROR_IN_200, NOT_A_MESSAGE, NO_TEXT, half, nothing],
)  # fmt: skip
def test_what_may_pass_is_tried_again(play, server, endpoint, tmp_path):
    server.plays["hello"] = [play, play]
    assert [told(one) for one in complete(endpoint(), ["hello"], tmp_path)] == ["re: hello"]


@pytest.mark.parametrize("play", [silence, drip])
def test_an_answer_that_does_not_come_in_time_is_asked_for_again(play, server, endpoint, tmp_path):
    server.plays["hello"] = [play]
    quick = Retries(base_s=0.01)
    asked = endpoint(timeout_s=0.3, own_clock=SystemClock(), retries=quick)
    assert [told(one) for one in complete(asked, ["hello"], tmp_path)] == ["re: hello"]


@pytest.mark.parametrize(
    ("play", "reason", "said"),
    [(GARBAGE, Reason.BROKEN, "Bad Gateway"), (NO_CHOICES, Reason.BROKEN, "no choices"), (half, Reason.BROKEN, "half"),
     (nothing, Reason.UNAVAILABLE, "ended before an answer"), (status(500, "oh dear"), Reason.UNAVAILABLE, "oh dear")],
)  # fmt: skip
def test_one_bad_row_among_good_ones_is_a_failure_with_its_reason(play, reason, said, server, endpoint, tmp_path):
    server.plays["bad"] = [play] * 6
    good, bad, after = complete(endpoint(concurrency=1), ["good", "bad", "after"], tmp_path)
    assert (told(good), told(after)) == ("re: good", "re: after")
    assert isinstance(bad, Failure)
    assert (bad.reason, bad.attempts) == (reason, 6)
    assert said in bad.message


def test_what_a_server_asks_for_is_waited_by_all(server, endpoint, clock, tmp_path):
    server.plays["hello"] = [status(429, Retry_After="120")]
    complete(endpoint(), ["hello"], tmp_path)
    assert 120 <= clock.time < 125


def test_no_server_makes_anybody_wait_for_ever(server, endpoint, clock, tmp_path):
    server.plays["hello"] = [status(503, Retry_After="86400")]
    complete(endpoint(), ["hello"], tmp_path)
    assert 300 <= clock.time < 310


@pytest.mark.parametrize("value", ["soon", "inf", "nan", "-5", ""])
def test_a_strange_wait_is_as_good_as_none(value, server, endpoint, clock, tmp_path):
    server.plays["hello"] = [status(429, Retry_After=value)]
    assert told(complete(endpoint(), ["hello"], tmp_path)[0]) == "re: hello"
    assert clock.time < 5


def test_waits_grow_are_bounded_and_the_same_each_time():
    retries, setback = Retries(seed=3), _setback()
    waits = [retries.delay(setback, attempt, "abc") for attempt in range(1, 12)]
    assert waits == [Retries(seed=3).delay(setback, attempt, "abc") for attempt in range(1, 12)]
    assert all(2.0 ** (n - 1) / 2 <= waits[n - 1] <= 2.0 ** (n - 1) for n in range(1, 6))
    assert max(waits) <= 60
    assert retries.delay(setback, 1, "abc") != retries.delay(setback, 1, "other")


def _setback():
    from cftray.endpoint.exchange import Setback

    return Setback(reason=Reason.UNAVAILABLE, message="503", again=True)


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_request_that_is_not_accepted_is_not_repeated(code, server, endpoint, clock, tmp_path):
    server.plays["long"] = [status(code, "too many tokens")]
    long, good = complete(endpoint(), ["long", "good"], tmp_path)
    assert isinstance(long, Failure)
    assert (long.reason, long.attempts) == (Reason.REFUSED, 1)
    for part in (str(code), "too many tokens", "model small", "max_tokens 20"):
        assert part in long.message
    assert told(good) == "re: good"
    assert clock.time == 0


@pytest.mark.parametrize(
    ("play", "told"),
    [(status(401), "variable TEST_KEY"), (status(403), "variable TEST_KEY"), (status(404), "model small"),
     (status(302, Location="http://127.0.0.1:9/"), "final address"), (status(402), "nothing left to spend"),
     (fails_for_good("You exceeded your quota", "insufficient_quota"), "nothing left to spend")],
)  # fmt: skip
def test_what_no_request_would_get_past_ends_the_work(play, told, server, endpoint, tmp_path):
    server.always = play
    with pytest.raises(EndpointRefused, match=told) as refused:
        complete(endpoint(), ["a", "b", "c"], tmp_path)
    assert refused.value.failure is FailureClass.USER
    assert "judge" in refused.value.message


def test_an_endpoint_that_never_answers_is_unavailable_rather_than_a_set_of_failed_rows(server, endpoint, tmp_path):
    server.always = status(503)
    with pytest.raises(EndpointUnavailable, match="not one request was answered") as error:
        complete(endpoint(), ["a", "b"], tmp_path)
    assert error.value.retryable


def test_an_endpoint_that_goes_down_is_given_up_and_what_it_answered_is_kept(server, endpoint, tmp_path):
    texts = [f"row {n}" for n in range(60)]
    asked = endpoint(concurrency=2, retries=Retries(attempts=2, give_up_after=5))
    assert len(complete(asked, texts[:10], tmp_path)) == 10
    server.always = status(500)
    with pytest.raises(EndpointUnavailable, match="5 requests in a row"):
        complete(asked, texts, tmp_path)
    assert [told(one) for one in complete(asked, texts[:10], tmp_path)] == [f"re: {text}" for text in texts[:10]]


def test_a_model_that_refuses_everything_is_the_user_s_matter(server, endpoint, tmp_path):
    server.always = status(400, "unsupported parameter")
    with pytest.raises(EndpointRefused, match="unsupported parameter"):
        complete(endpoint(concurrency=2, retries=Retries(give_up_after=5)), [f"row {n}" for n in range(20)], tmp_path)


def test_an_unreachable_endpoint_is_unavailable(server, endpoint, tmp_path):
    asked = endpoint(retries=Retries(attempts=2))
    server.shutdown()
    server.server_close()
    with pytest.raises(EndpointUnavailable, match="no connection"):
        complete(asked, ["a"], tmp_path)


def test_an_answer_that_ran_into_its_limit_says_so(server, endpoint, tmp_path):
    server.plays["long"] = [says(completion("and then", "length"))]
    server.plays["thinking"] = [says(completion(None, "length"))]
    long, thinking, short = complete(endpoint(), ["long", "thinking", "short"], tmp_path)
    assert [one.cut for one in (long, thinking, short)] == [True, True, False]
    assert [one.text for one in (long, thinking, short)] == ["and then", "", "re: short"]


def test_a_filtered_answer_is_refused(server, endpoint, tmp_path):
    server.plays["bad"] = [says(completion(None, "content_filter"))]
    bad, _ = complete(endpoint(), ["bad", "good"], tmp_path)
    assert bad.reason is Reason.REFUSED


def test_what_was_answered_is_not_asked_again(server, endpoint, tmp_path):
    texts = [f"row {n}" for n in range(20)]
    before = complete(endpoint(), texts, tmp_path)
    server.always = status(401)
    again = complete(endpoint(), texts, tmp_path)
    assert [told(one) for one in again] == [told(one) for one in before]
    assert all(isinstance(one, Answer) and one.stored for one in again)


def test_a_new_attempt_finds_the_answers_of_the_one_before(server, endpoint, tmp_path):
    complete(endpoint(), ["a"], tmp_path / "1")
    server.plays["a"] = [says(completion("another answer"))]
    limits = EndpointBudget(requests=2)
    budget = Budget(limits, None, tmp_path / "2" / "spent.jsonl", [tmp_path / "1" / "spent.jsonl"])
    answers = AnswerFolder(tmp_path / "2" / "answers", [tmp_path / "1" / "answers"])
    found = list(endpoint().complete(map(request, ["a", "b"]), answers=answers, budget=budget))
    assert [told(one) for one in found] == ["re: a", "re: b"]
    assert budget.spent.requests == 2


def test_an_answer_that_was_cut_in_writing_is_asked_for_again(server, endpoint, tmp_path):
    complete(endpoint(), ["a"], tmp_path)
    [file] = (tmp_path / "answers").glob("*/*.json")
    file.write_text(file.read_text()[:20])
    assert told(complete(endpoint(), ["a"], tmp_path)[0]) == "re: a"


def test_another_seed_asks_anew(server, endpoint, tmp_path):
    asked, budget = endpoint(), Budget(EndpointBudget(), None, tmp_path / "spent.jsonl")
    answers = AnswerFolder(tmp_path / "answers")
    list(asked.complete([request("a")], answers=answers, budget=budget))
    server.plays["a"] = [says(completion("another"))]
    found = list(asked.complete([request("a"), request("a", seed=1)], answers=answers, budget=budget))
    assert [told(one) for one in found] == ["re: a", "another"]


def test_equal_requests_share_one_answer(server, endpoint, tmp_path):
    server.plays["same"] = [says(completion(f"answer {n}")) for n in range(10)]
    found = complete(endpoint(concurrency=4), ["same"] * 10, tmp_path)
    assert {told(one) for one in found} == {"answer 0"}


def test_requests_are_read_as_they_are_needed(server, endpoint, tmp_path):
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield request(f"row {taken[-1]}")

    budget = Budget(EndpointBudget(), None, tmp_path / "spent.jsonl")
    results = endpoint(concurrency=2).complete(endless(), answers=AnswerFolder(tmp_path / "answers"), budget=budget)
    assert told(next(results)) == "re: row 0"
    results.close()
    assert len(taken) < 20


def test_a_stop_ends_the_work_and_keeps_what_is_there(server, endpoint, tmp_path):
    stopped = []

    def stop():
        if stopped:
            raise Cancelled("stopped because it was asked to")

    asked = endpoint(concurrency=1)
    budget, answers = Budget(EndpointBudget(), None, tmp_path / "spent.jsonl"), AnswerFolder(tmp_path / "answers")
    results = asked.complete(map(request, "abcdefghijkl"), answers=answers, budget=budget, stop=stop)
    assert told(next(results)) == "re: a"
    stopped.append(True)
    with pytest.raises(Cancelled, match="asked to"):
        list(results)
    assert answers.find(request("a").digest) is not None


def test_a_stop_ends_a_long_wait_at_once(server, endpoint, tmp_path):
    def stop():
        if server.sent:
            raise Cancelled("stopped because it was asked to")

    server.plays[ANY] = [status(429, Retry_After="250")] * 5
    with pytest.raises(Cancelled):
        complete(endpoint(own_clock=SystemClock()), ["a"], tmp_path, stop=stop)


def test_a_budget_of_requests_is_never_exceeded_and_what_came_before_is_kept(server, endpoint, tmp_path):
    texts = [f"row {n}" for n in range(40)]
    for text in texts[:5]:
        server.plays[text] = [status(500)]
    got = []
    budget, answers = Budget(EndpointBudget(requests=20), None, tmp_path / "s.jsonl"), AnswerFolder(tmp_path / "a")
    results = endpoint(concurrency=4).complete(map(request, texts), answers=answers, budget=budget)
    with pytest.raises(BudgetExceeded, match="20 requests") as error:
        got.extend(results)
    assert error.value.failure is FailureClass.USER
    assert budget.spent.requests == len(server.sent) == 20
    assert [told(one) for one in got] == [f"re: {text}" for text in texts[: len(got)]]
    assert sum(answers.find(request(text).digest) is not None for text in texts) == 15


def test_a_raised_budget_goes_on_where_the_lower_one_ended(server, endpoint, tmp_path):
    texts = [f"row {n}" for n in range(12)]
    with pytest.raises(BudgetExceeded):
        complete(endpoint(), texts, tmp_path, requests=5)
    with pytest.raises(BudgetExceeded, match="so far: 5 requests"):
        complete(endpoint(), texts, tmp_path, requests=5)
    assert [told(one) for one in complete(endpoint(), texts, tmp_path, requests=12)] == [f"re: {one}" for one in texts]


def test_budgets_of_tokens_and_cost_are_not_exceeded(server, endpoint, tmp_path):
    price = {"prompt_per_million": 1e5, "completion_per_million": 2e5}
    texts = [f"row {n}" for n in range(60)]
    for name, most in {"tokens": 200, "cost": 20}.items():
        asked = endpoint(price=price)
        with pytest.raises(BudgetExceeded, match=str(most)):
            complete(asked, texts, tmp_path / name, **{name: most})
        spent = Budget(EndpointBudget(), asked.settings.price, tmp_path / name / "spent.jsonl")
        assert most / 2 < {"tokens": spent.spent.tokens, "cost": spent.cost}[name] <= most


def test_uncounted_answers_are_estimated_and_say_so(server, endpoint, tmp_path):
    for usage in (None, {"prompt_tokens": -1, "completion_tokens": "many"}):
        server.always = says(completion("a" * 40, usage=usage))
        [found] = complete(endpoint(), ["b" * 40], tmp_path / str(usage is None))
        assert found.estimated
        assert found.prompt_tokens >= 10
        assert 0 < found.completion_tokens <= 20


def test_text_that_is_not_unicode_does_not_end_the_work(server, endpoint, tmp_path):
    choice = b'{"message": {"content": "emoji \\ud83d"}, "finish_reason": "stop"}'
    server.plays["half \ufffd"] = [says(b'{"choices": [' + choice + b"]}")]
    [found] = complete(endpoint(), ["half \ud83d"], tmp_path)
    assert found.text == "emoji \ufffd"


def test_a_request_for_another_model_than_the_one_served_is_refused(server, endpoint, tmp_path):
    with pytest.raises(EndpointRefused, match="serves large"):
        complete(endpoint(model="large"), ["a"], tmp_path)


def test_the_request_is_what_the_protocol_wants(server, endpoint, tmp_path):
    complete(endpoint(limit_field="max_completion_tokens"), ["a"], tmp_path)
    assert server.sent[0]["path"] == "/v1/chat/completions"
    assert server.sent[0]["body"] == {
        "model": "small",
        "messages": [{"role": "user", "content": "a"}],
        "max_completion_tokens": 20,
        "temperature": 0.0,
    }
