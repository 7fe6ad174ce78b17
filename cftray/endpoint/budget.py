"""What a stage may ask of an endpoint, and what it has asked so far.

Before a request is sent, the most that it can use is set aside; afterwards what it did use is written to a
ledger, a line a request, so that an attempt after a kill goes on counting. Requests are counted exactly.
Tokens are those that the endpoint tells of, estimated where it tells nothing.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cftray.endpoint.catalogue import Price
from cftray.endpoint.pace import LOOK_EVERY_S, Stop
from cftray.errors import BudgetExceeded
from cftray.spec.execution import EndpointBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Requests, and tokens of prompts and answers."""

    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def tokens(self) -> int:
        """Of both kinds."""
        return self.prompt_tokens + self.completion_tokens

    def cost(self, price: Price | None) -> float | None:
        """None where there is no price."""
        if price is None:
            return None
        prompts = self.prompt_tokens * price.prompt_per_million
        return (prompts + self.completion_tokens * price.completion_per_million) / 1e6

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            requests=self.requests + other.requests,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            requests=self.requests - other.requests,
            prompt_tokens=self.prompt_tokens - other.prompt_tokens,
            completion_tokens=self.completion_tokens - other.completion_tokens,
        )


class Budget:
    """Limits over all that is written in `ledger` and in the ledgers of attempts before it."""

    def __init__(
        self, limits: EndpointBudget, price: Price | None, ledger: Path, earlier: Iterable[Path] = ()
    ) -> None:
        self.limits = limits
        self.price = price
        self.ledger = ledger
        ledger.parent.mkdir(parents=True, exist_ok=True)
        self.spent = sum((_read(one) for one in (ledger, *earlier)), Spent())
        self._reserved = Spent()
        self._changed = threading.Condition()

    @property
    def cost(self) -> float | None:
        """What was spent so far, where the operator has set a price."""
        return self.spent.cost(self.price)

    def reserve(self, most: Spent, stop: Stop) -> None:
        """Set aside what a request may use at most; waits while others under way may give some of theirs back.

        Raises BudgetExceeded where it would not fit even then.
        """
        with self._changed:
            while (limit := self._over(self.spent + self._reserved + most)) is not None:
                if self._reserved == Spent():
                    raise BudgetExceeded(self._told(limit))
                stop()
                self._changed.wait(LOOK_EVERY_S)
            self._reserved += most

    def settle(self, most: Spent, used: Spent) -> None:
        """Give back what was set aside, and write down what was used of it."""
        with self._changed:
            self._reserved -= most
            self.spent += used
            _append(self.ledger, used)
            self._changed.notify_all()

    def _over(self, all_of_it: Spent) -> str | None:
        """The limit that so much would break."""
        limits, cost = self.limits, all_of_it.cost(self.price)
        if limits.requests is not None and all_of_it.requests > limits.requests:
            return f"{limits.requests} requests"
        if limits.tokens is not None and all_of_it.tokens > limits.tokens:
            return f"{limits.tokens} tokens"
        if limits.cost is not None and cost is not None and cost > limits.cost:
            return f"a cost of {limits.cost:g}"
        return None

    def _told(self, limit: str) -> str:
        cost = self.cost
        told = f"{self.spent.requests} requests, {self.spent.tokens} tokens"
        told += f", a cost of {cost:.4g}" if cost is not None else ""
        return (
            f"execution.endpoint_budget allows {limit}, and one more request could exceed it (so far: {told}); "
            "what was answered is kept: raise the budget and retry"
        )


def _append(ledger: Path, used: Spent) -> None:
    """One short write, which a kill leaves whole or absent."""
    handle = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, (json.dumps(asdict(used)) + "\n").encode())
    finally:
        os.close(handle)


def _read(ledger: Path) -> Spent:
    if not ledger.is_file():
        return Spent()
    with open(ledger, encoding="utf-8") as lines:
        return sum((Spent(**json.loads(line)) for line in lines if line.endswith("}\n")), Spent())
