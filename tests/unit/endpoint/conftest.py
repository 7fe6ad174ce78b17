"""An endpoint whose time is moved by hand, in front of a server that does as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cftray.endpoint import Answer, AnswerFolder, Budget, ChatRequest, Endpoint, EndpointSettings, Failure, Retries
from cftray.endpoint.endpoint import never
from cftray.endpoint.keys import Key
from cftray.spec import EndpointBudget
from tests.unit.endpoint.server import Server, running

KEY = "sk-test/0123456789abcdef"


class HandClock:
    """Sleeping is free and moves the time."""

    def __init__(self) -> None:
        self.time = 0.0
        self.lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.time += seconds


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running() as one:
        yield one


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def endpoint(server: Server, clock: HandClock) -> Iterator[Callable[..., Endpoint]]:
    """Makes endpoints in front of the server; settings as given."""
    with ExitStack() as stack:

        def make(*, retries: Retries | None = None, own_clock: Any = clock, **settings: Any) -> Endpoint:
            whole = EndpointSettings(url=server.url, key_env="TEST_KEY", **settings)
            key = Key("TEST_KEY", KEY)
            return stack.enter_context(Endpoint("judge", whole, key, retries=retries, clock=own_clock))

        yield make


def request(text: str, **changes: Any) -> ChatRequest:
    usual = {"model": "small", "messages": ({"role": "user", "content": text},), "max_tokens": 20}
    return ChatRequest(**usual | changes)


def complete(
    endpoint: Endpoint, texts: list[str], folder: Path, *, stop: Callable[[], None] = never, **limits: Any
) -> list[Answer | Failure]:
    budget = Budget(EndpointBudget(**limits), endpoint.settings.price, folder / "spent.jsonl")
    answers = AnswerFolder(folder / "answers")
    return list(endpoint.complete(map(request, texts), answers=answers, budget=budget, stop=stop))


def told(result: Answer | Failure) -> str:
    return result.text if isinstance(result, Answer) else f"{result.reason}: {result.message}"
