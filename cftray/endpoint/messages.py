"""What is asked of a model, and what comes of it: an Answer, or a Failure of this one request."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict

from cftray.plan.canonical import sha256_of

BYTES_PER_TOKEN = 4
"""A usual figure for English; used where nobody has counted."""
MESSAGE_TOKENS = 16
"""More than any chat format puts around a message."""


class Message(TypedDict):
    """One turn of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A conversation whose next turn is wanted, in at most `max_tokens` tokens.

    `seed` is sent where it is given; an endpoint may ignore it. Another seed is another request, which is
    how one asks again for what has been answered.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    seed: int | None = None

    @property
    def digest(self) -> str:
        """sha256 over all that is asked: two requests with one digest deserve one answer."""
        return sha256_of(
            {
                "model": self.model,
                "messages": self.turns,
                "max_tokens": self.max_tokens,
                "temperature": float(self.temperature),
                "seed": self.seed,
            }
        )

    @property
    def turns(self) -> list[dict[str, str]]:
        """The messages as they are sent."""
        return [{"role": one["role"], "content": well_formed(one["content"])} for one in self.messages]

    @property
    def likely_prompt_tokens(self) -> int:
        """An estimate for rate limits."""
        return estimated_tokens(self._bytes) + len(self.messages)

    @property
    def most_prompt_tokens(self) -> int:
        """A bound for budgets: a token of a byte-level vocabulary covers a byte at least."""
        return self._bytes + MESSAGE_TOKENS * len(self.messages)

    @property
    def _bytes(self) -> int:
        return sum(len(one["content"].encode(errors="replace")) for one in self.messages)


class Reason(StrEnum):
    """Why a request has no usable answer."""

    REFUSED = "refused"
    """the endpoint does not take this request: too long, filtered, malformed"""
    BROKEN = "broken"
    """what came back was no answer, each time: garbage, half of one, no choices"""
    UNAVAILABLE = "unavailable"
    """nothing came back, or an apology, each time"""
    CUT = "cut"
    """the answer ran into `max_tokens`; told by `EndpointChat` alone"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The next turn. `estimated`: the endpoint did not say what it counted. `stored`: found, not asked for."""

    text: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False
    stored: bool = False

    @property
    def cut(self) -> bool:
        """Whether it ran into `max_tokens`."""
        return self.finish_reason == "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A request that has no answer, and why, in words without secrets."""

    reason: Reason
    message: str
    attempts: int


def estimated_tokens(count: int) -> int:
    """Tokens in so many bytes of text, roughly."""
    return -(-count // BYTES_PER_TOKEN)


def well_formed(text: str) -> str:
    """Halves of a surrogate pair, which JSON can hold and UTF-8 can't, become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
