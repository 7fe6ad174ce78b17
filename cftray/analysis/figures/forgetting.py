"""Forgetting against similarity over a matrix: each cell's DES or MPD beside its change of TA (paper, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from cftray.analysis.correlation import Coefficient, Correlation, correlate
from cftray.analysis.figures.style import MUTED, WIDTH, figure, look, save

NAME = "forgetting"
NEAR = 0.15
"""Of the points' width, in which names could cover each other."""
ROOM, LINE = 150.0, 8.0
"""Typographic points of the plot's height, and of a name's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A point: `change` of the score in phase 2 with its interval; cells of one `group` share colour and marker.

    Cells of one `pair` of data have one similarity between them, whatever else differs; empty: a pair of its own.
    """

    label: str
    similarity: float
    change: float
    group: str = ""
    pair: str = ""
    low: float | None = None
    high: float | None = None


def forgetting(
    cells: Sequence[Cell],
    folder: Path,
    *,
    measure: str,
    score: str = "TA",
    group: str | None = None,
    name: str = NAME,
) -> tuple[Correlation, tuple[Path, Path]]:
    """The correlation over pairs, and the picture as PNG and SVG; `measure` names the axis: DES, MPD.

    With `group` the correlation is over its cells alone, those that stand for their pair. Raises DataError where a
    number is not finite.
    """
    counted = [one for one in cells if group in (None, one.group)]
    found = over_pairs(counted)
    with figure(WIDTH * 0.8, 3.6) as drawn:
        axis = drawn.subplots()
        groups = list(dict.fromkeys(one.group for one in cells))
        for number, shown in enumerate(groups):
            _points(axis, [one for one in cells if one.group == shown], number, shown)
        _names(axis, cells)
        axis.axhline(0, color=MUTED, linewidth=0.8)
        axis.set(xlabel=measure, ylabel=f"change of {score} in phase 2")
        axis.margins(x=0.14, y=0.12)
        means = "the mean of each pair" if found.n < len(counted) else ""
        over = [f"{', '.join(filter(None, (group, means)))}:"] if group or means else []
        axis.set_title("\n".join([*over, *told(found)]), loc="left", fontsize=8)
        if any(groups):
            drawn.legend(loc="outside lower center", ncols=min(4, len(groups)))
        return found, save(drawn, folder, name)


def over_pairs(cells: Sequence[Cell]) -> Correlation:
    """With one point a pair, the mean of its cells: several cells of one pair are no points of their own."""
    pairs: dict[str, list[Cell]] = {}
    for place, one in enumerate(cells):
        pairs.setdefault(one.pair or f"#{place}", []).append(one)
    return correlate(
        [fmean(one.similarity for one in of) for of in pairs.values()],
        [fmean(one.change for one in of) for of in pairs.values()],
    )


def told(found: Correlation) -> list[str]:
    """What the correlation comes to, in words."""
    if found.pearson is None or found.spearman is None:
        return [f"n = {found.n}: too few points, or all alike, for a correlation"]
    lines = [f"Pearson r = {_words(found.pearson)}", f"Spearman ρ = {_words(found.spearman)}"]
    if found.pearson.low is None:
        return [f"{', '.join(lines)}; n = {found.n}, too few for an interval"]
    return [f"{lines[0]}, {lines[1]}", f"n = {found.n}; 95 % bootstrap over points"]


def _words(one: Coefficient) -> str:
    interval = "" if one.low is None or one.high is None else f" [{_signed(one.low)}, {_signed(one.high)}]"
    return f"{_signed(one.value)}{interval}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _points(axis: Any, cells: Sequence[Cell], number: int, group: str) -> None:
    style = look(number)
    for one in cells:
        if one.low is not None and one.high is not None:
            axis.plot([one.similarity] * 2, [one.low, one.high], color=style.colour, linewidth=1, alpha=0.6)
    axis.plot(
        [one.similarity for one in cells], [one.change for one in cells], style.marker, color=style.colour,
        markersize=6, label=group or None,
    )  # fmt: skip


def _names(axis: Any, cells: Sequence[Cell]) -> None:
    """Each point's name beside it, towards the middle, and above a name that it would cover."""
    first, last = min(one.similarity for one in cells), max(one.similarity for one in cells)
    ends = [value for one in cells for value in (one.change, one.low, one.high) if value is not None]
    up = max(ends) - min(ends) or 1.0
    placed: list[tuple[Cell, float]] = []
    for one in sorted((cell for cell in cells if cell.label), key=lambda cell: cell.change):
        height = ROOM * one.change / up
        beside = [below for other, below in placed if abs(other.similarity - one.similarity) < NEAR * (last - first)]
        beside += [below for other, below in placed if other.similarity == one.similarity]
        placed.append((one, max([height, *(below + LINE for below in beside)])))
        left = one.similarity > (first + last) / 2
        axis.annotate(
            one.label, (one.similarity, one.change), xytext=(-7 if left else 7, placed[-1][1] - height),
            textcoords="offset points", fontsize=7, va="center", ha="right" if left else "left",
        )  # fmt: skip
