"""What phase 2 moved, over a matrix's rows: suites' means with their intervals, and language by language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import INK, MUTED, WIDTH, figure, look, save
from cftray.errors import DataError

MEANS, LANGUAGES = "changes", "languages"
MAP = "RdBu"
"""Red falls, blue rises, white stays: told apart by who sees no red or green as well."""
ON_LIGHT, ON_DARK = "#161616", "#fdfdfd"
DARK = 0.62
"""Of the largest change, from which the square under a number is dark."""
WHOLE_NUMBERS = 12
"""Columns from which a change is written without its decimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A row's change in points with its 95 % interval; `beyond` says whether it is more than noise."""

    label: str
    change: float
    low: float
    high: float
    beyond: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """The rows' changes of one mean."""

    title: str
    rows: Sequence[Moved]


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """A benchmark's changes in points, a list of `columns` for each row; None where there is none.

    `beyond` has the same shape and says which are more than noise.
    """

    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    changes: Sequence[Sequence[float | None]]
    beyond: Sequence[Sequence[bool]]


def mean_changes(panels: Sequence[Means], folder: Path, name: str = MEANS) -> tuple[Path, Path]:
    """Panels side by side over the same rows, a line an interval; filled: beyond the noise. Gives PNG and SVG.

    Raises DataError where no panel has a row.
    """
    labels = list(dict.fromkeys(row.label for panel in panels for row in panel.rows))
    if not labels:
        raise DataError("there is no change to draw; is any cell evaluated?")
    with figure(WIDTH, 0.9 + 0.24 * len(labels)) as drawn:
        axes = drawn.subplots(1, len(panels), sharey=True, squeeze=False).ravel()
        for number, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            _means(axis, panel, labels, number)
        axes[0].set_yticks(range(len(labels)), labels)
        axes[0].set_ylim(len(labels) - 0.5, -0.5)
        return save(drawn, folder, name)


def language_changes(panels: Sequence[Languages], folder: Path, name: str = LANGUAGES) -> tuple[Path, Path]:
    """A map of each benchmark, one below the other on one scale; bold: beyond the noise. Gives PNG and SVG.

    Raises DataError where there is no change.
    """
    values = [abs(one) for panel in panels for row in panel.changes for one in row if one is not None]
    if not values:
        raise DataError("there is no change of a language to draw; is any cell evaluated?")
    largest = max(1.0, *values)
    heights = [0.75 + 0.24 * len(panel.rows) for panel in panels]
    with figure(WIDTH, sum(heights) + 0.2) as drawn:
        axes = drawn.subplots(len(panels), 1, squeeze=False, height_ratios=heights).ravel()
        for axis, panel in zip(axes, panels, strict=True):
            _map(axis, panel, largest)
        return save(drawn, folder, name)


def _means(axis: Any, panel: Means, labels: Sequence[str], number: int) -> None:
    style = look(number)
    for row in panel.rows:
        place = labels.index(row.label)
        axis.plot([row.low, row.high], [place, place], color=style.colour, linewidth=1.4, alpha=0.75)
        axis.plot(
            [row.change], [place], style.marker, color=style.colour, markersize=5.5,
            markerfacecolor=style.colour if row.beyond else "white",
        )  # fmt: skip
    axis.axvline(0, color=MUTED, linewidth=0.8)
    axis.set(title=panel.title, xlabel="points since P1")
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.08)


def _map(axis: Any, panel: Languages, largest: float) -> None:
    values = [[math.nan if one is None else one for one in row] for row in panel.changes]
    axis.pcolormesh(values, cmap=MAP, vmin=-largest, vmax=largest, edgecolors="white", linewidth=0.6)
    form = "{:+.0f}" if len(panel.columns) >= WHOLE_NUMBERS else "{:+.1f}"
    for up, (row, beyond) in enumerate(zip(panel.changes, panel.beyond, strict=True)):
        for across, (one, sure) in enumerate(zip(row, beyond, strict=True)):
            if one is not None:
                axis.text(
                    across + 0.5, up + 0.5, form.format(one).replace("-", "−"), ha="center", va="center", fontsize=6.5,
                    color=ON_DARK if abs(one) > DARK * largest else ON_LIGHT, fontweight="bold" if sure else "normal",
                )  # fmt: skip
    axis.set_xticks([place + 0.5 for place in range(len(panel.columns))], panel.columns)
    axis.set_yticks([place + 0.5 for place in range(len(panel.rows))], panel.rows)
    axis.set_ylim(len(panel.rows), 0)
    axis.set_title(panel.title, loc="left", color=INK)
    axis.grid(visible=False)
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.tick_params(length=0)
