"""How fast an endpoint is asked: two token buckets (requests and tokens a minute), and pauses it asks for.

A bucket holds one second's worth, so that no minute sees more than its limit and one second's. What it
gives may exceed what it holds; it then owes, and the next taker waits until the debt is paid.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

LOOK_EVERY_S = 0.25
"""How often a wait looks whether it should end."""
NEGLIGIBLE_S = 1e-6

Stop = Callable[[], None]
"""Raises Cancelled once work should stop."""


class Clock(Protocol):
    """Time, which tests move by hand."""

    def now(self) -> float:
        """Seconds; only differences mean anything."""

    def sleep(self, seconds: float) -> None:
        """Return when they have passed."""


class SystemClock:
    """The machine's."""

    def now(self) -> float:
        """See Clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        time.sleep(seconds)


def wait(clock: Clock, seconds: float, stop: Stop) -> None:
    """Let `seconds` pass. Raises what `stop` raises, soon after it would."""
    end = clock.now() + seconds
    while (left := end - clock.now()) > NEGLIGIBLE_S:
        stop()
        clock.sleep(min(left, LOOK_EVERY_S))


class Pace:
    """Shared by all threads that ask one endpoint."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._requests = _Bucket(requests_per_minute, clock.now())
        self._tokens = _Bucket(tokens_per_minute, clock.now())
        self._paused_until = clock.now()

    def take(self, tokens: float, stop: Stop) -> None:
        """Return when one more request of so many tokens may be sent."""
        while (seconds := self._take(tokens)) > NEGLIGIBLE_S:
            wait(self.clock, seconds, stop)

    def correct(self, tokens: float) -> None:
        """So many more tokens were used than taken, or fewer where negative."""
        with self._lock:
            self._tokens.take(tokens)

    def pause(self, seconds: float) -> None:
        """Nobody sends anything for so long."""
        with self._lock:
            self._paused_until = max(self._paused_until, self.clock.now() + seconds)

    def _take(self, tokens: float) -> float:
        """Take, or seconds until it is worth trying again."""
        with self._lock:
            now = self.clock.now()
            seconds = max(self._paused_until - now, self._requests.wait(1, now), self._tokens.wait(tokens, now))
            if seconds <= NEGLIGIBLE_S:
                self._requests.take(1)
                self._tokens.take(tokens)
            return seconds


class _Bucket:
    """Without a limit it never waits."""

    def __init__(self, per_minute: float | None, now: float) -> None:
        self.rate = per_minute / 60 if per_minute is not None else None
        self.holds = max(1.0, self.rate or 0.0)
        self.level, self.since = self.holds, now

    def wait(self, amount: float, now: float) -> float:
        if self.rate is None:
            return 0.0
        self.level = min(self.holds, self.level + (now - self.since) * self.rate)
        self.since = now
        return (min(amount, self.holds) - self.level) / self.rate

    def take(self, amount: float) -> None:
        self.level -= amount
