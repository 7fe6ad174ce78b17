"""A chat model as a judge: asked about each pair twice, once in each order.

An answer that can't be read is asked for again with another seed: once in a stage's first attempt, and once more
in each attempt after it, so that an attempt never ends as the one before only because it found its answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from cftray.endpoint import Failure, Message, Reason
from cftray.evaluation.judging.pairs import NONSENSE, UNASKED, Judgement, NoJudgement, Outcome, Pair
from cftray.evaluation.judging.prompt import Order, Prompt, Verdict, preference_of, read_verdict

SHOWN: Final = 60
"""Characters of a judge's answer that a message repeats."""

Conversation = Sequence[Message]


class Chat(Protocol):
    """Conversations in, texts out; see `cftray.endpoint.EndpointChat`."""

    def ask(
        self, conversations: Sequence[Conversation], *, seed: int | None = None, temperature: float | None = None
    ) -> list[str | Failure]:
        """The next turn of each, in their order."""

    def known(
        self, conversations: Sequence[Conversation], *, seed: int | None = None, temperature: float | None = None
    ) -> list[str | Failure | None]:
        """As `ask` with what is stored alone."""

    def share(self, conversations: Sequence[Conversation], *, temperature: float | None = None) -> None:
        """Let others find the stored answers."""


Ask = Callable[..., Sequence[str | Failure | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    """What came of one question, and of how many times of asking."""

    found: Verdict | NoJudgement
    times: int

    @property
    def open(self) -> bool:
        """Whether it may be worth another seed."""
        return isinstance(self.found, NoJudgement) and self.found.reason in (NONSENSE, Reason.CUT)


class EndpointJudge:
    """See `Judge`. `attempts`: of the stage, this one included."""

    def __init__(self, chat: Chat, prompt: Prompt, identity: str, *, attempts: int = 1) -> None:
        self.chat = chat
        self.prompt = prompt
        self.identity = identity
        self.attempts = attempts

    def compare(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """See `Judge`. Raises as `EndpointChat.ask`."""
        return self._outcomes(pairs, self.chat.ask)

    def share(self, pairs: Sequence[Pair], outcomes: Sequence[Outcome]) -> None:
        """Let other stages find the answers of judged pairs. Those that had to be asked for again stay where they are:
        whoever found the first, unreadable one would have to know how often to look for another."""
        fit = [
            pair
            for pair, one in zip(pairs, outcomes, strict=True)
            if isinstance(one, Judgement) and not one.again and not pair.identical
        ]
        asked = [self.prompt.conversation(pair, order) for pair in fit for order in Order]
        self.chat.share(asked, temperature=self.prompt.temperature)

    def settled(self, pairs: Sequence[Pair]) -> int:
        """How many of the pairs have a judgement by what is stored."""
        return sum(isinstance(one, Judgement) for one in self._outcomes(pairs, self.chat.known))

    def _outcomes(self, pairs: Sequence[Pair], ask: Ask) -> list[Outcome]:
        asked = [(pair, order) for pair in pairs if not pair.identical for order in Order]
        replies = self._replies([self.prompt.conversation(pair, order) for pair, order in asked], ask)
        left = iter(replies)
        return [
            Judgement(preferences=()) if pair.identical else _outcome({order: next(left) for order in Order})
            for pair in pairs
        ]

    def _replies(self, conversations: Sequence[Conversation], ask: Ask) -> list[_Reply]:
        """One a conversation. Each is asked until its answer can be read, or the ways of asking are used up."""
        replies: dict[int, _Reply] = {}
        places = list(range(len(conversations)))
        for times, (seed, temperature) in enumerate(self._ways(), 1):
            answers = ask([conversations[place] for place in places], seed=seed, temperature=temperature)
            for place, answer in zip(places, answers, strict=True):
                replies[place] = _Reply(found=_read(answer), times=times)
            places = [place for place in places if replies[place].open]
            if not places:
                break
        return [replies[place] for place in range(len(conversations))]

    def _ways(self) -> Iterator[tuple[int | None, float]]:
        yield None, self.prompt.temperature
        for seed in range(1, self.attempts + 1):
            yield seed, self.prompt.again_temperature


def _read(answer: str | Failure | None) -> Verdict | NoJudgement:
    if answer is None:
        return NoJudgement(reason=UNASKED, message="it has not been asked")
    if isinstance(answer, Failure):
        return NoJudgement(reason=str(answer.reason), message=answer.message)
    shown = " ".join(answer.split())
    shown = shown if len(shown) <= SHOWN else shown[: SHOWN - 1] + "…"
    return read_verdict(answer) or NoJudgement(reason=NONSENSE, message=f"answered {shown!r}, not 1, 2 or tie")


def _outcome(replies: dict[Order, _Reply]) -> Outcome:
    """A pair's, from what was said in each order."""
    preferences = []
    for order, reply in replies.items():
        if isinstance(reply.found, NoJudgement):
            return reply.found
        preferences.append(preference_of(reply.found, order))
    return Judgement(preferences=tuple(preferences), again=sum(reply.times > 1 for reply in replies.values()))
