"""Forgetting against similarity over a matrix: each cell's DES or MPD beside its change of TA (paper, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
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
    """A point: `change` of the score in phase 2 with its interval; cells of one `group` share colour and marker."""

    label: str
    similarity: float
    change: float
    group: str = ""
    low: float | None = None
    high: float | None = None


def forgetting(
    cells: Sequence[Cell], folder: Path, *, measure: str, score: str = "TA", name: str = NAME
) -> tuple[Correlation, tuple[Path, Path]]:
    """The correlation over the cells, and the picture as PNG and SVG; `measure` names the axis: DES, MPD.

    Raises DataError where a number is not finite.
    """
    found = correlate([one.similarity for one in cells], [one.change for one in cells])
    with figure(WIDTH * 0.8, 3.6) as drawn:
        axis = drawn.subplots()
        groups = list(dict.fromkeys(one.group for one in cells))
        for number, group in enumerate(groups):
            _points(axis, [one for one in cells if one.group == group], number, group)
        _names(axis, cells)
        axis.axhline(0, color=MUTED, linewidth=0.8)
        axis.set(xlabel=measure, ylabel=f"change of {score} in phase 2")
        axis.margins(x=0.14, y=0.12)
        axis.set_title("\n".join(told(found)), loc="left", fontsize=8)
        if any(groups):
            drawn.legend(loc="outside lower center", ncols=min(4, len(groups)))
        return found, save(drawn, folder, name)


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
    """Each point's name beside it, at the side where the nearest other point is not, and above a name below it."""
    left = {id(one): _at_the_left(one, cells) for one in cells}
    across = max(one.similarity for one in cells) - min(one.similarity for one in cells) or 1.0
    up = max(one.change for one in cells) - min(one.change for one in cells) or 1.0
    placed: list[tuple[Cell, float]] = []
    for one in sorted(cells, key=lambda cell: cell.change):
        height = ROOM * one.change / up
        beside = [
            other_height
            for other, other_height in placed
            if left[id(other)] is left[id(one)] and abs(other.similarity - one.similarity) < NEAR * across
        ]
        placed.append((one, max([height, *(below + LINE for below in beside)])))
        axis.annotate(
            one.label, (one.similarity, one.change), xytext=(-7 if left[id(one)] else 7, placed[-1][1] - height),
            textcoords="offset points", fontsize=7, va="center", ha="right" if left[id(one)] else "left",
        )  # fmt: skip


def _at_the_left(one: Cell, cells: Sequence[Cell]) -> bool:
    others = [other for other in cells if other is not one]
    nearest = min(others, key=lambda other: abs(other.change - one.change), default=one)
    last = bool(others) and one.similarity == max(other.similarity for other in cells)
    return nearest.similarity > one.similarity or last
