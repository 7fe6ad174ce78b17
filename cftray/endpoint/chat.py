"""The smallest thing to write a translator or a judge against: conversations in, texts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cftray.endpoint.answers import AnswerFolder
from cftray.endpoint.budget import Budget
from cftray.endpoint.endpoint import Endpoint, Result, never, open_endpoint
from cftray.endpoint.messages import ChatRequest, Failure, Message, Reason
from cftray.endpoint.pace import Stop
from cftray.spec.endpoint import EndpointModel
from cftray.spec.execution import EndpointBudget

ANSWERS, LEDGER = "answers", "spent.jsonl"
"""What an attempt at a stage keeps in its folder."""


class EndpointChat:
    """One model of an endpoint. Settings given here hold where `ask` is not told otherwise."""

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        *,
        answers: AnswerFolder,
        budget: Budget,
        stop: Stop = never,
        max_tokens: int = 1024,
        temperature: float = 0.0,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.answers = answers
        self.budget = budget
        self.stop = stop
        self.max_tokens = max_tokens
        self.temperature = temperature

    def __enter__(self) -> EndpointChat:
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoint.close()

    def ask(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        seed: int | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[str | Failure]:
        """The next turn of each, in their order; an answer that was cut is a Failure.

        The same question gets the stored answer; another `seed` asks anew. Raises as `Endpoint.complete`.
        """
        requests = self._requests(conversations, seed, temperature, max_tokens)
        results = self.endpoint.complete(requests, answers=self.answers, budget=self.budget, stop=self.stop)
        return [_text(one) for one in results]

    def known(
        self,
        conversations: Sequence[Sequence[Message]],
        *,
        seed: int | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[str | Failure | None]:
        """As `ask` with what is stored alone; None where it would have to ask."""
        requests = self._requests(conversations, seed, temperature, max_tokens)
        found = (self.answers.find(one.digest) for one in requests)
        return [None if one is None else _text(one) for one in found]

    def share(self, conversations: Sequence[Sequence[Message]], *, temperature: float | None = None) -> None:
        """Let everybody who asks the same find the stored answers."""
        for one in self._requests(conversations, None, temperature, None):
            self.answers.share(one.digest)

    def _requests(
        self,
        conversations: Sequence[Sequence[Message]],
        seed: int | None,
        temperature: float | None,
        max_tokens: int | None,
    ) -> Iterator[ChatRequest]:
        for one in conversations:
            yield ChatRequest(
                model=self.model,
                messages=tuple(one),
                max_tokens=max_tokens if max_tokens is not None else self.max_tokens,
                temperature=temperature if temperature is not None else self.temperature,
                seed=seed,
            )


def open_chat(
    wanted: EndpointModel,
    environment: Mapping[str, str],
    folder: Path,
    *,
    earlier: Sequence[Path] = (),
    shared: Path | None = None,
    limits: EndpointBudget,
    stop: Stop = never,
    max_tokens: int = 1024,
) -> EndpointChat:
    """A chat that keeps answers and ledger in an attempt's `folder` and goes on from the folders of `earlier` ones.

    Answers of this endpoint that somebody shared lie under `shared`.

    Raises EndpointRefused where the operator has no such endpoint, or its key is missing.
    """
    endpoint = open_endpoint(wanted.endpoint, environment)
    before = [one / LEDGER for one in earlier]
    return EndpointChat(
        endpoint,
        wanted.model,
        answers=AnswerFolder(
            folder / ANSWERS,
            [one / ANSWERS for one in earlier],
            None if shared is None else shared / ANSWERS / wanted.endpoint,
        ),
        budget=Budget(limits, endpoint.settings.price, folder / LEDGER, before),
        stop=stop,
        max_tokens=max_tokens,
    )


def _text(result: Result) -> str | Failure:
    if isinstance(result, Failure):
        return result
    if result.cut:
        told = f"cut at {result.completion_tokens} tokens; raise max_tokens"
        return Failure(reason=Reason.CUT, message=told, attempts=1)
    return result.text
