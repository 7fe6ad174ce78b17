"""How often a request is sent again, after which wait, and when an endpoint is given up."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

from cftray.endpoint.exchange import Setback
from cftray.endpoint.messages import Answer, Failure, Reason
from cftray.errors import EndpointRefused, EndpointUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Exponential backoff with jitter. `give_up_after` failures in a row, the endpoint is no use.

    The jitter of a request follows from `seed` and the request: work that is repeated waits alike.
    """

    attempts: int = 6
    base_s: float = 1.0
    longest_s: float = 60.0
    longest_asked_s: float = 600.0
    give_up_after: int = 20
    seed: int = 0

    def delay(self, setback: Setback, attempt: int, digest: str) -> float:
        """Seconds after the `attempt`-th time (from 1), at least what the server asked for, within reason.

        Half of the exponential term is fixed and half is drawn, so that those who failed together part.
        """
        term = min(self.longest_s, self.base_s * 2.0 ** (attempt - 1))
        drawn = random.Random(f"{self.seed}/{digest}/{attempt}").uniform(0.5, 1.0) * term
        return max(drawn, min(setback.wait_s or 0.0, self.longest_asked_s))


class Health:
    """Whether an endpoint is worth asking: one bad row says nothing, many in a row do."""

    def __init__(self, endpoint: str, give_up_after: int) -> None:
        self.endpoint = endpoint
        self.give_up_after = give_up_after
        self._lock = threading.Lock()
        self._in_a_row = 0
        self._answered = False

    def saw(self, result: Answer | Failure) -> None:
        """Raises EndpointRefused or EndpointUnavailable where this was one failure too many."""
        with self._lock:
            if isinstance(result, Answer):
                self._in_a_row, self._answered = 0, True
                return
            self._in_a_row += 1
            if self._in_a_row < self.give_up_after:
                return
        raise self._error(result, f"{self.give_up_after} requests in a row failed, the last with")

    def raise_if_silent(self, last: Failure | None) -> None:
        """Raises EndpointUnavailable where nothing was ever answered and `last` is not the rows' own fault."""
        if last is not None and not self._answered and last.reason is not Reason.REFUSED:
            raise self._error(last, "not one request was answered, the last came back with")

    def _error(self, last: Failure, what: str) -> EndpointRefused | EndpointUnavailable:
        told = f"endpoint {self.endpoint}: {what} {last.message} (after {last.attempts} attempts)"
        if last.reason is Reason.REFUSED:
            return EndpointRefused(f"{told}; check model and settings against what the endpoint accepts")
        return EndpointUnavailable(f"{told}; what was answered is kept, a retry asks only for the rest")
