"""Two answers to one instruction, and what a judge makes of them.

Preferences are AlpacaEval's numbers: 1, the reference's answer (`output_1` there) is the better one; 2, the
model's (`output_2`); 1.5, neither. An item's score is the preference less 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol


class Preference(float, Enum):
    """Which of two answers is the better one."""

    REFERENCE = 1.0
    DRAW = 1.5
    MODEL = 2.0

    @property
    def score(self) -> float:
        """The model's: 1 for a win, 0.5 for a draw, 0 for a loss."""
        return self.value - 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What is compared; `item` is the instruction's id, `output` the model's answer."""

    item: str
    instruction: str
    reference: str
    output: str

    @property
    def identical(self) -> bool:
        """Equal answers are a draw that nobody is asked about, as in AlpacaEval."""
        return self.reference == self.output

    @property
    def extra_length(self) -> int:
        """Characters that the model's answer has more than the reference's; negative where it is shorter."""
        return len(self.output) - len(self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge said of a pair, each time that it was asked; never for identical answers.

    `again` counts the questions that had to be put a second time.
    """

    preferences: tuple[Preference, ...]
    again: int = 0

    @property
    def preference(self) -> Preference:
        """What was said every time; a draw where that differs, or where nobody was asked."""
        said = set(self.preferences)
        return said.pop() if len(said) == 1 else Preference.DRAW

    @property
    def consistent(self) -> bool | None:
        """Whether it was the same in both positions; None where there were not two."""
        return None if len(self.preferences) < 2 else len(set(self.preferences)) == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoJudgement:
    """A pair without a judgement: the reason in a word (see below, or the endpoint's `Reason`), and in words."""

    reason: str
    message: str


NONSENSE: Final = "nonsense"
"""the judge's answer names no preference, each time it was asked"""
UNASKED: Final = "unasked"
"""nobody has asked so far"""
OTHER_OUTPUT: Final = "other-output"
"""an annotation is there, and it is of another answer"""

Outcome = Judgement | NoJudgement


class Judge(Protocol):
    """Whoever compares answers. `identity` names it in messages and details."""

    @property
    def identity(self) -> str: ...

    def compare(self, pairs: Sequence[Pair]) -> list[Outcome]:
        """One outcome a pair, in their order."""
