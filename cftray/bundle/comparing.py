"""Two bundles of one experiment: what is the same, what lies inside the noise, what differs.

A score is held against the interval that it had there: the first's ± 1.96 standard errors over items; a change, against
its own bootstrap interval. That interval is about other items, and both sides score the same ones, so what moves for
another reason than the items lies well inside it when all is well: a mild test, so the difference is always told.
A figure without an interval (MPD, a loss) counts as the same to six digits; where it is further away that is told, but
there is nothing to hold it against, so it does not decide the outcome.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from cftray.bundle.document import Bundle, Figure, Measure, Recorded, ScoreRow, Stage
from cftray.bundle.stages import why_other

Z = 1.96
SAME_TO = 1e-6
"""Relative: two sums of the same numbers in another order differ by less."""


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Verdict(StrEnum):
    """IDENTICAL: equal to rounding. INSIDE: within the first's 95 % interval. DIFFERS: beyond it, or only one side has
    it. UNDECIDED: not equal, and there is no interval."""

    IDENTICAL = "identical"
    INSIDE = "inside"
    DIFFERS = "differs"
    UNDECIDED = "undecided"


class Compared(_View):
    """One figure there and here. `half` is half of the first's 95 % interval, `note` what else is to be said."""

    name: str
    of: str
    there: float | None
    here: float | None
    difference: float | None
    low: float | None = None
    high: float | None = None
    verdict: Verdict
    note: str = ""


class StageCompared(_View):
    """A stage there and here. `why` names the first part in which they differ, null where the fingerprint is the same.

    `reused`: recorded before by another experiment, so nothing of it was computed for this one. `same_bytes`: whether
    all outputs are the same to the bit; null where one side has no record.
    """

    name: str
    title: str
    same: bool
    why: str | None
    reused: bool
    same_bytes: bool | None


class Comparison(_View):
    """`outcome` is the worst verdict that decides: identical, inside or differs; undecided where there is none."""

    there: str | None
    here: str | None
    outcome: Verdict
    stages: tuple[StageCompared, ...]
    versions: dict[str, tuple[str | None, str | None]]
    scores: tuple[Compared, ...]
    figures: tuple[Compared, ...]

    @property
    def reused(self) -> int:
        """Stages that were not computed for the second bundle."""
        return sum(stage.reused for stage in self.stages)

    @property
    def recorded(self) -> int:
        """Stages that have a record here."""
        return sum(stage.same_bytes is not None or stage.reused for stage in self.stages)


def compare(there: Bundle, here: Bundle) -> Comparison:
    """`here` held against `there`; analyses and losses are among the `figures`."""
    scores = tuple(_scores(there, here))
    figures = (*_losses(there, here), *_analyses(there, here))
    decided = {one.verdict for one in (*scores, *figures)}
    order = (Verdict.DIFFERS, Verdict.INSIDE, Verdict.IDENTICAL)
    return Comparison(
        there=there.experiment,
        here=here.experiment,
        outcome=next((one for one in order if one in decided), Verdict.UNDECIDED),
        stages=compared_stages(there, here),
        versions=compared_versions(made_by(there), made_by(here)),
        scores=scores,
        figures=figures,
    )


def compared_stages(there: Bundle, here: Bundle) -> tuple[StageCompared, ...]:
    """Every stage of either, in the first's order; of what is only planned here, without a word on records."""
    ours = {stage.name: stage for stage in here.stages}
    theirs = {stage.name: stage for stage in there.stages}
    return tuple(
        _stage(name, theirs.get(name), ours.get(name), here.experiment) for name in dict.fromkeys([*theirs, *ours])
    )


def compared_versions(there: Mapping[str, str], here: Mapping[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """Versions that are not the same, (there, here); null: not there, or not known."""
    names = dict.fromkeys([*there, *here])
    return {name: (there.get(name), here.get(name)) for name in names if there.get(name) != here.get(name)}


def made_by(bundle: Bundle) -> dict[str, str]:
    """Versions of all makers together; several of one package stand beside each other."""
    found: dict[str, dict[str, None]] = {}
    for maker in bundle.made_with:
        for name, version in maker.versions.items():
            found.setdefault(name, {})[version] = None
    return {name: " · ".join(told) for name, told in found.items()}


def _stage(name: str, there: Stage | None, here: Stage | None, experiment: str | None) -> StageCompared:
    known = there or here
    assert known is not None
    ours = here.recorded if here is not None else None
    theirs = there.recorded if there is not None else None
    same = there is not None and here is not None and there.fingerprint == here.fingerprint is not None
    return StageCompared(
        name=name,
        title=known.title,
        same=same,
        why=None if same else why_other(there, here),
        reused=ours is not None and ours.by != experiment,
        same_bytes=_same_bytes(theirs, ours),
    )


def _same_bytes(there: Recorded | None, here: Recorded | None) -> bool | None:
    return None if there is None or here is None else there.outputs == here.outputs


def _scores(there: Bundle, here: Bundle) -> Iterator[Compared]:
    ours = {row.key: row for row in here.scores}
    theirs = {row.key: row for row in there.scores}
    for key in dict.fromkeys([*theirs, *ours]):
        first, second = theirs.get(key), ours.get(key)
        for model in ("p1", "p2"):
            one, other = _figure(first, model), _figure(second, model)
            if one is not None or other is not None:
                yield _score(key, model.upper(), one, other)
        yield from _change(key, first, second)


def _figure(row: ScoreRow | None, model: str) -> Figure | None:
    found: Figure | None = None if row is None else getattr(row, model)
    return found


def _score(key: str, model: str, there: Figure | None, here: Figure | None) -> Compared:
    interval: Mapping[str, float] = {}
    if there is not None and there.stderr is not None:
        half = Z * there.stderr or _seen_by_none(there.n)
        interval = {"low": there.score - half, "high": there.score + half}
    other_items = there is not None and here is not None and there.n != here.n
    note = f"{there.n} items there, {here.n} here" if other_items and there and here else ""
    return _compared(
        key, model, None if there is None else there.score, None if here is None else here.score, interval, note,
        decides=True,
    )  # fmt: skip


def _change(key: str, there: ScoreRow | None, here: ScoreRow | None) -> Iterator[Compared]:
    one = there.change if there is not None else None
    other = here.change if here is not None else None
    if one is None and other is None:
        return
    interval = {} if one is None else {"low": one.low, "high": one.high}
    if one is not None and there is not None and there.p1 is not None and one.low == one.high:
        half = _seen_by_none(there.p1.n)
        interval = {"low": one.low - half, "high": one.high + half}
    turned = one is not None and other is not None and one.verdict != other.verdict
    note = f"the verdict was {one.verdict}, is {other.verdict}" if turned and one and other else ""
    yield _compared(
        key, "change", None if one is None else one.difference, None if other is None else other.difference, interval,
        note, decides=True,
    )  # fmt: skip


def _seen_by_none(n: int) -> float:
    """What the share of items that are otherwise may be where none of `n` is: at most 3/n, with 95 % (rule of three;
    Hanley and Lippman-Hand, 1983). Scores that are all alike have no standard error of their own."""
    return 3 / max(1, n)


def _losses(there: Bundle, here: Bundle) -> Iterator[Compared]:
    """Final losses of trainings that both sides have recorded."""
    ours = {stage.name: stage for stage in here.stages}
    for stage in there.stages:
        other = ours.get(stage.name)
        if stage.recorded is None or other is None or other.recorded is None or stage.kind != "train":
            continue
        for name, value in stage.recorded.metrics.items():
            if "loss" in name:
                found = other.recorded.metrics.get(name)
                yield _compared(name.replace("_", " "), stage.title, value, found, {}, "", decides=False)


def _analyses(there: Bundle, here: Bundle) -> Iterator[Compared]:
    """Measures of both; an analysis that has none on one side differs only where the other has some."""
    ours = _measures(here)
    theirs = _measures(there)
    for place in dict.fromkeys([*theirs, *ours]):
        one, other = theirs.get(place), ours.get(place)
        has_interval = one is not None and one.low is not None and one.high is not None
        interval = {"low": one.low, "high": one.high} if has_interval and one is not None else {}
        title, name = place
        yield _compared(
            name, title, None if one is None else one.value, None if other is None else other.value, interval, "",
            decides=False,
        )  # fmt: skip


def _measures(bundle: Bundle) -> dict[tuple[str, str], Measure]:
    return {
        (one.title if one.seed is None else f"{one.title}, seed {one.seed}", measure.name): measure
        for one in bundle.analyses
        for measure in one.measures
    }


def _compared(
    name: str,
    of: str,
    there: float | None,
    here: float | None,
    interval: Mapping[str, Any],
    note: str,
    *,
    decides: bool,
) -> Compared:
    """`decides`: without an interval, another value differs; otherwise it is undecided."""
    if there is None or here is None:
        lacking = "only here" if there is None else "only there"
        return Compared(
            name=name, of=of, there=there, here=here, difference=None, verdict=Verdict.DIFFERS,
            note="; ".join(part for part in (lacking, note) if part), **interval,
        )  # fmt: skip
    if math.isclose(there, here, rel_tol=SAME_TO, abs_tol=1e-9):
        verdict = Verdict.IDENTICAL
    elif interval:
        verdict = Verdict.INSIDE if interval["low"] <= here <= interval["high"] else Verdict.DIFFERS
    else:
        verdict = Verdict.DIFFERS if decides else Verdict.UNDECIDED
    return Compared(
        name=name, of=of, there=there, here=here, difference=here - there, verdict=verdict, note=note, **interval
    )
