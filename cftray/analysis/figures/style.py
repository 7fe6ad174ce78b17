"""How all figures look, and how they are written.

Colours are those of Okabe and Ito (Color Universal Design, 2008) without yellow, which is lost on white paper,
and in an order in which neighbours differ in lightness too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = (
    "solid",
    (0, (5, 2)),
    (0, (1.5, 1.5)),
    (0, (6, 2, 1.5, 2)),
    (0, (9, 3)),
    (0, (3, 1.5, 1, 1.5, 1, 1.5)),
    (0, (2, 3)),
)
INK, MUTED, RULE = "#1a1a1a", "#5c5c5c", "#d0d0d0"

DPI = 200
WIDTH = 6.4
"""Inches: a page's text; half of it is still read."""
LABEL = 34
"""Characters of a label: a row of a matrix may be named by all that it varies."""

_SETTINGS: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "patch.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "svg.hashsalt": "cftray",
    "svg.fonttype": "none",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What tells the n-th series from its neighbours."""

    colour: str
    marker: str
    dashes: Any


def look(number: int) -> Look:
    """Of series `number`. After seven, colours return with other markers and dashes: 49 in all differ."""
    turn, place = divmod(number, len(COLOURS))
    other = (place + turn) % len(COLOURS)
    return Look(colour=COLOURS[place], marker=MARKERS[other], dashes=DASHES[other])


_KINDS: ContextVar[tuple[str, ...]] = ContextVar("kinds", default=("png", "svg"))
_ONE_AT_A_TIME = threading.Lock()
"""Matplotlib's settings are the process's, and a service draws in several threads."""


@contextmanager
def figure(width: float, height: float) -> Iterator[Any]:
    """A figure of that many inches, whose parts are laid out so that none covers another. One at a time."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with _ONE_AT_A_TIME, mpl.rc_context(_SETTINGS):
        yield Figure(figsize=(width, height), layout="constrained")


def label(text: str, most: int = LABEL) -> str:
    """A text of a person's as it is, and no formula: at most `most` characters of it, the middle left out."""
    if len(text) > most:
        text = f"{text[: most - most // 3 - 1].rstrip()}…{text[-(most // 3) :].lstrip()}"
    return text.replace("$", r"\$")


@contextmanager
def only(kind: str) -> Iterator[None]:
    """Within it figures are written as `png` or as `svg` alone: that takes half of the time."""
    before = _KINDS.set((kind,))
    try:
        yield
    finally:
        _KINDS.reset(before)


def save(drawn: Any, folder: Path, name: str) -> tuple[Path, Path]:
    """`name.png` and `name.svg` in `folder`; to be called while the figure is open. Neither holds a date."""
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    if "png" in _KINDS.get():
        drawn.savefig(png, dpi=DPI, metadata={"Software": None})
    if "svg" in _KINDS.get():
        drawn.savefig(svg, metadata={"Date": None, "Creator": None})
    return png, svg
