"""Two models' items side by side: what the second lost and what it gained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cftray.cli.item_sources import Item
from cftray.errors import DataError


class Fate(StrEnum):
    """What became of an item: its score fell, rose or stayed, or one of both models has none."""

    LOST = "lost"
    GAINED = "gained"
    UNCHANGED = "unchanged"
    UNSCORED = "unscored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """One item of both models."""

    before: Item
    after: Item

    @property
    def change(self) -> float | None:
        """The score after minus the score before; None where one is missing."""
        if self.before.score is None or self.after.score is None:
            return None
        return self.after.score - self.before.score

    @property
    def fate(self) -> Fate:
        """See `Fate`."""
        change = self.change
        if change is None:
            return Fate.UNSCORED
        return Fate.LOST if change < 0 else Fate.GAINED if change > 0 else Fate.UNCHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Items of a benchmark in a language, by their fate; `before` and `after` are means over those scored in both."""

    suite: str
    benchmark: str
    language: str
    n: int
    lost: int
    gained: int
    unchanged: int
    unscored: int
    before: float | None
    after: float | None

    @property
    def net(self) -> int:
        """Items gained less items lost."""
        return self.gained - self.lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """`only_before` and `only_after` count items that one model alone was asked."""

    twins: tuple[Twin, ...]
    only_before: int
    only_after: int

    def tallies(self) -> list[Tally]:
        """One for each benchmark and language, in the items' order."""
        groups: dict[tuple[str, str, str], list[Twin]] = {}
        for twin in self.twins:
            groups.setdefault((twin.before.suite, twin.before.benchmark, twin.before.language), []).append(twin)
        return [_tally(key, twins) for key, twins in groups.items()]

    def falls(self, top: int) -> list[Twin]:
        """The `top` items whose score fell most; equal falls in the items' order."""
        return sorted(self._of(Fate.LOST), key=lambda twin: twin.change or 0.0)[:top]

    def rises(self, top: int) -> list[Twin]:
        """The `top` items whose score rose most."""
        return sorted(self._of(Fate.GAINED), key=lambda twin: -(twin.change or 0.0))[:top]

    def _of(self, fate: Fate) -> list[Twin]:
        return [twin for twin in self.twins if twin.fate is fate]


def diff(before: Sequence[Item], after: Sequence[Item]) -> Diff:
    """Pairs items by task and id. Raises DataError where no item is in both, one is there twice, or the models were
    asked by different prompts."""
    ours, theirs = _by_key(before), _by_key(after)
    twins = tuple(Twin(before=one, after=theirs[key]) for key, one in ours.items() if key in theirs)
    if not twins:
        raise DataError(f"no item is in both: {_named(before)} on the one side, {_named(after)} on the other")
    _refuse_other_prompts(twins)
    return Diff(twins=twins, only_before=len(ours) - len(twins), only_after=len(theirs) - len(twins))


def _by_key(items: Sequence[Item]) -> dict[tuple[str, str], Item]:
    found = {(one.task, one.item): one for one in items}
    if len(found) != len(items):
        ((task, item), times) = Counter((one.task, one.item) for one in items).most_common(1)[0]
        raise DataError(f"item {item} of {task} is there {times} times; expected each once")
    return found


def _refuse_other_prompts(twins: Iterable[Twin]) -> None:
    other = [twin for twin in twins if twin.before.prompt_sha256 != twin.after.prompt_sha256]
    if other:
        first, noun = other[0].before, "item was" if len(other) == 1 else "items were"
        raise DataError(
            f"{len(other)} {noun} asked by different prompts (the first: {first.item} of {first.task}), so their "
            "answers can't be compared; models are compared under one task pack and one template"
        )


def _tally(key: tuple[str, str, str], twins: Sequence[Twin]) -> Tally:
    fates = Counter(twin.fate for twin in twins)
    both = [(twin.before.score, twin.after.score) for twin in twins if twin.change is not None]
    suite, benchmark, language = key
    return Tally(
        suite=suite,
        benchmark=benchmark,
        language=language,
        n=len(twins),
        lost=fates[Fate.LOST],
        gained=fates[Fate.GAINED],
        unchanged=fates[Fate.UNCHANGED],
        unscored=fates[Fate.UNSCORED],
        before=_mean([one for one, _ in both]),
        after=_mean([one for _, one in both]),
    )


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [one for one in scores if one is not None]
    return sum(known) / len(known) if known else None


def _named(items: Sequence[Item]) -> str:
    return ", ".join(dict.fromkeys(one.task for one in items)) or "nothing"
