"""Trials of a sweep by what phase 2 cost and gave: TA's change across, LA's change up, and who is beaten by nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import COLOURS, INK, MUTED, WIDTH, figure, save

NAME = "pareto"
NAMED = 40
"""Trials up to which each point has its number; of more only the front and the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A trial, P2 less P1 in points of a hundred. Not `whole`: where it was stopped. Not `feasible`: a constraint is
    missed. `on_front`: no whole trial beats it."""

    number: int
    ta: float
    la: float
    whole: bool
    feasible: bool
    on_front: bool = False
    best: bool = False


def pareto(
    points: Sequence[Point], folder: Path, *, most_decline: float | None = None, name: str = NAME
) -> tuple[Path, Path]:
    """The picture as PNG and SVG; `most_decline` is TA's allowed decline in points, drawn as a line."""
    with figure(WIDTH * 0.8, 3.8) as drawn:
        axis = drawn.subplots()
        axis.axvline(0, color=MUTED, linewidth=0.8)
        axis.axhline(0, color=MUTED, linewidth=0.8)
        if most_decline is not None:
            axis.axvline(-most_decline, color=COLOURS[1], linewidth=1, linestyle=(0, (5, 2)))
            axis.annotate(
                f"TA decline of {most_decline:g}", (-most_decline, 1), xycoords=("data", "axes fraction"),
                xytext=(3, -2), textcoords="offset points", fontsize=7, color=COLOURS[1], va="top",
            )  # fmt: skip
        _front(axis, [one for one in points if one.on_front])
        for label, marker, filled, members in _series(points):
            if members:
                axis.plot(
                    [one.ta for one in members], [one.la for one in members], marker, color=COLOURS[0], label=label,
                    markerfacecolor=COLOURS[0] if filled else "white", markersize=5, linestyle="none",
                )  # fmt: skip
        for one in points:
            if one.best:
                axis.plot(one.ta, one.la, "o", color=INK, markerfacecolor="none", markersize=11, label="best")
            if len(points) <= NAMED or one.on_front or one.best:
                axis.annotate(str(one.number), (one.ta, one.la), xytext=(6, 4), textcoords="offset points", fontsize=7)
        axis.set(xlabel="change of TA in phase 2, points", ylabel="change of LA in phase 2, points")
        axis.margins(x=0.14, y=0.14)
        drawn.legend(loc="outside lower center", ncols=3)
        return save(drawn, folder, name)


def _series(points: Sequence[Point]) -> list[tuple[str, str, bool, list[Point]]]:
    """(label, marker, filled, points): filled where the constraints hold, another marker where it was stopped."""
    return [
        ("trained whole", "o", True, [one for one in points if one.whole and one.feasible]),
        ("misses a constraint", "o", False, [one for one in points if one.whole and not one.feasible]),
        ("stopped early, as it stood", "x", True, [one for one in points if not one.whole]),
    ]


def _front(axis: Any, front: Sequence[Point]) -> None:
    if len(front) > 1:
        places = sorted((one.ta, one.la) for one in front)
        axis.plot(*zip(*places, strict=True), color=MUTED, linewidth=1, drawstyle="steps-pre", label="beaten by none")
