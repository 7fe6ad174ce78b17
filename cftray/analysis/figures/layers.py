"""Figure 1 of the paper: a model's layers before and after phase 2, laid out by t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import MUTED, WIDTH, figure, look, save

NAME = "layers"
SIDE = 3.1
"""Inches of a panel."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerMap:
    """A panel: for each of `labels` its layers' places, the first layer first."""

    title: str
    labels: Sequence[str]
    points: Sequence[Sequence[Point]]


def layer_maps(panels: Sequence[LayerMap], folder: Path, name: str = NAME) -> tuple[Path, Path]:
    """A panel for each pair, side by side; gives PNG and SVG."""
    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    side = SIDE if columns < 3 else WIDTH / columns
    with figure(max(columns, 1.15) * side, rows * side + 0.25) as drawn:
        axes = drawn.subplots(rows, columns, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            _panel(axis, panel)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        axes[0].legend(loc="best")
        return save(drawn, folder, name)


def _panel(axis: Any, panel: LayerMap) -> None:
    for number, (label, points) in enumerate(zip(panel.labels, panel.points, strict=True)):
        style = look(number)
        across, up = zip(*points, strict=True)
        axis.plot(across, up, color=style.colour, linewidth=0.7, linestyle=style.dashes, alpha=0.7)
        axis.plot(
            across, up, style.marker, color=style.colour, markerfacecolor=style.colour if number == 0 else "white",
            markersize=5, label=label,
        )  # fmt: skip
        above = number % 2 == 0
        for layer in named_layers(len(points)):
            axis.annotate(
                str(layer), points[layer - 1], xytext=(4, 4) if above else (-4, -4), textcoords="offset points",
                ha="left" if above else "right", va="bottom" if above else "top", fontsize=7, color=style.colour,
            )  # fmt: skip
    axis.set(title=panel.title, xticks=[], yticks=[])
    axis.margins(0.12)
    axis.set_xlabel("t-SNE of layers; numbers are layers", color=MUTED, fontsize=7.5)
    axis.spines[["top", "right"]].set_visible(True)


def named_layers(layers: int) -> list[int]:
    """The layers, from 1, whose number is written: the first, the last and round ones between."""
    step = next(one for one in (1, 2, 4, 8, 16, 32, 64) if layers <= 6 * one or one == 64)
    between = range(step, layers - step // 2, step)
    return sorted({1, *between, layers})
