"""No minute sees more than its limit and one second's worth."""

from __future__ import annotations

import pytest

from cftray.endpoint.endpoint import never
from cftray.endpoint.pace import Pace
from tests.unit.endpoint.conftest import HandClock, complete


def times(pace: Pace, clock: HandClock, amounts: list[float]) -> list[float]:
    taken = []
    for amount in amounts:
        pace.take(amount, never)
        taken.append(clock.now())
    return taken


def busiest_minute(when: list[float], amounts: list[float]) -> float:
    return max(
        sum(amount for at, amount in zip(when, amounts, strict=True) if start <= at < start + 60) for start in when
    )


@pytest.mark.parametrize("per_minute", [6, 60, 240, 7.5])
def test_requests_a_minute(per_minute):
    clock = HandClock()
    amounts = [1.0] * int(per_minute * 3)
    when = times(Pace(per_minute, None, clock), clock, amounts)
    assert busiest_minute(when, amounts) <= per_minute + max(1, per_minute / 60) + 1e-6
    assert when[-1] < 181


def test_tokens_a_minute_large_requests_included():
    clock = HandClock()
    amounts = [10.0, 900.0, 10.0, 10.0, 2000.0, 5.0, 5.0] * 5
    when = times(Pace(None, 600, clock), clock, amounts)
    assert when[-1] == pytest.approx((sum(amounts) - 5) / 10, abs=2)
    assert when[2] - when[1] >= 90


def test_what_was_not_used_is_given_back_and_what_was_is_owed():
    clock = HandClock()
    pace = Pace(None, 60, clock)
    pace.take(100, never)
    pace.correct(-95)
    pace.take(1, never)
    assert clock.now() == pytest.approx(5, abs=0.01)
    pace.correct(30)
    pace.take(1, never)
    assert clock.now() == pytest.approx(36, abs=0.01)


def test_a_pause_holds_everybody_and_does_not_shorten_a_longer_one():
    clock = HandClock()
    pace = Pace(None, None, clock)
    pace.pause(30)
    pace.pause(5)
    pace.take(1, never)
    assert clock.now() == pytest.approx(30, abs=0.01)


def test_without_limits_nobody_waits():
    clock = HandClock()
    assert times(Pace(None, None, clock), clock, [1e9] * 100)[-1] == 0


def test_an_endpoint_keeps_to_its_limits(server, endpoint, clock, tmp_path):
    complete(endpoint(requests_per_minute=60, concurrency=4), [f"row {n}" for n in range(31)], tmp_path / "1")
    assert 29 <= clock.time <= 31
    started = clock.time
    complete(endpoint(tokens_per_minute=900), [f"row {n}" for n in range(21)], tmp_path / "2")
    assert clock.time - started >= 15
