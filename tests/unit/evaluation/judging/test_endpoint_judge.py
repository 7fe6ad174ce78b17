"""Every pair twice, in both orders; a judge that prefers a position prefers nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from cftray.endpoint import Failure, Message, Reason
from cftray.evaluation.judging.endpoint_judge import EndpointJudge
from cftray.evaluation.judging.pairs import NONSENSE, Judgement, NoJudgement, Outcome, Pair, Preference
from cftray.evaluation.judging.prompt import PAIRWISE_1
from tests.unit.evaluation.judging.conftest import by_rule, pair

REFERENCE, DRAW, MODEL = Preference.REFERENCE, Preference.DRAW, Preference.MODEL


class Says:
    """A chat that answers with `say(question, seed)`, and knows what it has said."""

    def __init__(self, say: Callable[[str, int | None], str | Failure]) -> None:
        self.say = say
        self.said: dict[tuple[str, int | None], str] = {}

    def ask(
        self, conversations: Sequence[Sequence[Message]], *, seed: int | None = None, temperature: float | None = None
    ) -> list[str | Failure]:
        return [self._answer(one[-1]["content"], seed) for one in conversations]

    def known(
        self, conversations: Sequence[Sequence[Message]], *, seed: int | None = None, temperature: float | None = None
    ) -> list[str | Failure | None]:
        return [self.said.get((one[-1]["content"], seed)) for one in conversations]

    def _answer(self, question: str, seed: int | None) -> str | Failure:
        if (question, seed) in self.said:
            return self.said[question, seed]
        answer = self.say(question, seed)
        if isinstance(answer, str):
            self.said[question, seed] = answer
        return answer


def compared(chat: Says, pairs: Sequence[Pair], *, attempts: int = 1) -> list[Outcome]:
    return EndpointJudge(chat, PAIRWISE_1, "small of local", attempts=attempts).compare(pairs)


def test_the_better_answer_wins_wherever_it_stands() -> None:
    pairs = [pair(1, model="good"), pair(2, model="bad", reference="good"), pair(3, model="other")]
    won, lost, drawn = compared(Says(lambda question, seed: by_rule(question)), pairs)
    assert (won.preferences, lost.preferences, drawn.preferences) == ((MODEL,) * 2, (REFERENCE,) * 2, (DRAW,) * 2)
    assert [one.preference.score for one in (won, lost, drawn)] == [1.0, 0.0, 0.5]
    assert all(one.consistent for one in (won, lost, drawn))


@pytest.mark.parametrize("always", ["1", "2"])
def test_a_judge_that_prefers_a_position_makes_draws(always: str) -> None:
    [one] = compared(Says(lambda question, seed: always), [pair(1, model="good")])
    assert one.preference is DRAW
    assert not one.consistent


def test_a_tie_in_one_order_alone_is_a_disagreement() -> None:
    def say(question: str, seed: int | None) -> str:
        return "tie" if question.index("good") < question.index("plain") else by_rule(question)

    [one] = compared(Says(say), [pair(1, model="good")])
    assert one.preferences == (MODEL, DRAW)
    assert (one.preference, one.consistent) == (DRAW, False)


def test_nobody_is_asked_about_equal_answers() -> None:
    def say(question: str, seed: int | None) -> str:
        raise AssertionError("equal answers are a draw")

    [one] = compared(Says(say), [pair(1, model="plain")])
    assert (one.preference, one.consistent, one.preferences) == (DRAW, None, ())


def test_outcomes_stay_with_their_pairs() -> None:
    pairs = [pair(n, model=("good", "plain", "bad", "good good")[n % 4]) for n in range(12)]
    outcomes = compared(Says(lambda question, seed: by_rule(question)), pairs)
    wins = [isinstance(one, Judgement) and one.preference is MODEL for one in outcomes]
    assert wins == [n % 4 in (0, 3) for n in range(12)]


def test_an_answer_that_can_t_be_read_is_asked_for_with_another_seed() -> None:
    chat = Says(lambda question, seed: "Both have merits." if seed is None else by_rule(question))
    [one] = compared(chat, [pair(1, model="good")])
    assert (one.preference, one.again) == (MODEL, 2)


def test_nonsense_twice_is_no_judgement_and_says_what_was_answered() -> None:
    chat = Says(lambda question, seed: "As an AI\nI like both. " + "x" * 100)
    [one] = compared(chat, [pair(1, model="good")])
    assert isinstance(one, NoJudgement)
    assert one.reason == NONSENSE
    assert "'As an AI I like both. xx" in one.message
    assert len(one.message) < 120


def test_a_later_attempt_asks_once_more_and_finds_the_rest() -> None:
    asked = []

    def say(question: str, seed: int | None) -> str:
        asked.append(seed)
        return by_rule(question) if seed == 2 or "plain" not in question else "hm"

    chat, pairs = Says(say), [pair(1, model="good"), pair(2, model="good", reference="else")]
    first = compared(chat, pairs)
    assert [isinstance(one, Judgement) for one in first] == [False, True]
    asked.clear()
    second = compared(chat, pairs, attempts=2)
    assert [one.preference for one in second] == [MODEL, MODEL]
    assert set(asked) == {2}


def test_a_failure_keeps_its_reason() -> None:
    refused = Failure(reason=Reason.REFUSED, message="400: too long", attempts=1)
    outcomes = compared(
        Says(lambda question, seed: refused if "Do thing 2" in question else by_rule(question)),
        [pair(1, model="good"), pair(2, model="good")],
    )
    assert isinstance(outcomes[0], Judgement)
    assert outcomes[1] == NoJudgement(reason="refused", message="400: too long")


def test_what_is_settled_is_known_without_asking() -> None:
    chat = Says(lambda question, seed: by_rule(question))
    judge = EndpointJudge(chat, PAIRWISE_1, "small of local")
    pairs = [pair(1, model="good"), pair(2, model="plain"), pair(3, model="bad")]
    assert judge.settled(pairs) == 1
    judge.compare(pairs[:1])
    assert judge.settled(pairs) == 2
