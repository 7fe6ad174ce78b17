"""How far two bags of words agree, and the better of several right answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Agreement(NamedTuple):
    """Both from 0 to 1; `exact_match` is one of the two."""

    f1: float
    exact_match: float


def f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over words, each as often as it is there (SQuAD).

    Where nothing is left of one of them, it is 1 if nothing is left of the other either, else 0, as in SQuAD 2's
    script; SQuAD 1.1's and MLQA's give 0 even where the answer is the right one, word for word.
    """
    if not found or not wanted:
        return float(list(found) == list(wanted))
    common = sum((Counter(found) & Counter(wanted)).values())
    return 2 * common / (len(found) + len(wanted))


def best_agreement(answer: str, right: Sequence[str], words: Callable[[str], list[str]]) -> Agreement:
    """The highest F1 and exact match of `answer` over the right ones, of which there is at least one."""
    found = words(answer)
    wanted = [words(one) for one in right]
    return Agreement(
        f1=max(f1(found, one) for one in wanted),
        exact_match=float(found in wanted),
    )
