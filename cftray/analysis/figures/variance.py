"""Figures 2 and D4 of the paper: how much the covariance of activations differs, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import WIDTH, figure, look, save
from cftray.analysis.representations import Representations

NAME = "covariance"
SPAN = 30.0
"""From this ratio of largest to smallest value on the axis is logarithmic: late layers would hide the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A pair's ‖Σ₁ − Σ₂‖ at each of `layers`, with bounds where there are any; `relative` over ‖Σ₁‖."""

    label: str
    layers: Sequence[int]
    norms: Sequence[float]
    relative: Sequence[float | None] = ()
    bounds: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Curves that share an axis: a base model's pairs, or its mitigations."""

    title: str
    curves: Sequence[Curve]


def curve_of(result: Representations, label: str) -> Curve:
    """The curve of a pair's result, its decoder layers from 1 on; empty for one model alone."""
    layers = [(one.layer, one.difference) for one in result.by_layer[1:] if one.difference is not None]
    return Curve(
        label=label,
        layers=[number for number, _ in layers],
        norms=[one.norm for _, one in layers],
        relative=[one.relative for _, one in layers],
        bounds=[(one.low, one.high) for _, one in layers],
    )


def difference_curves(panels: Sequence[Panel], folder: Path, name: str = NAME) -> tuple[Path, Path]:
    """A row for each panel: the norms at the left, relative to P1's own at the right; gives PNG and SVG."""
    relative = any(curve.relative for panel in panels for curve in panel.curves)
    columns = 2 if relative else 1
    with figure(WIDTH if relative else 0.6 * WIDTH, 2.5 * len(panels) + 0.3) as drawn:
        axes = drawn.subplots(len(panels), columns, squeeze=False, sharex=False)
        for row, panel in zip(axes, panels, strict=True):
            _norms(row[0], panel)
            if relative:
                _relative(row[1], panel)
        _legend(drawn, axes, panels)
        return save(drawn, folder, name)


def _norms(axis: Any, panel: Panel) -> None:
    for number, curve in enumerate(panel.curves):
        style = look(number)
        _line(axis, curve.layers, curve.norms, number, curve.label)
        if curve.bounds:
            low, high = zip(*curve.bounds, strict=True)
            axis.fill_between(curve.layers, low, high, color=style.colour, alpha=0.15, linewidth=0)
    values = [value for curve in panel.curves for value in curve.norms]
    _scale(axis, values)
    axis.set(title=panel.title, xlabel="layer", ylabel="‖Σ(P1) − Σ(P2)‖ (Frobenius)")
    _whole_layers(axis)


def _relative(axis: Any, panel: Panel) -> None:
    for number, curve in enumerate(panel.curves):
        kept = [(layer, 100 * one) for layer, one in zip(curve.layers, curve.relative, strict=True) if one is not None]
        if kept:
            _line(axis, [layer for layer, _ in kept], [value for _, value in kept], number, curve.label)
    axis.set(xlabel="layer", ylabel="of ‖Σ(P1)‖, %")
    axis.set_ylim(bottom=0)
    _whole_layers(axis)


def _line(axis: Any, layers: Sequence[int], values: Sequence[float], number: int, label: str) -> None:
    style = look(number)
    axis.plot(
        layers, values, color=style.colour, linestyle=style.dashes, marker=style.marker, label=label,
        markevery=max(1, len(layers) // 8),
    )  # fmt: skip


def _scale(axis: Any, values: Sequence[float]) -> None:
    positive = [value for value in values if value > 0]
    if len(positive) == len(values) and max(positive) > SPAN * min(positive):
        axis.set_yscale("log")
    else:
        axis.set_ylim(bottom=0)


def _whole_layers(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))


def _legend(drawn: Any, axes: Any, panels: Sequence[Panel]) -> None:
    """One below all panels where they share their labels, else one beside each."""
    labels = {tuple(curve.label for curve in panel.curves) for panel in panels}
    if len(labels) == 1:
        handles, names = axes[0][0].get_legend_handles_labels()
        drawn.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)))
    else:
        for row in axes:
            handles, names = row[0].get_legend_handles_labels()
            row[-1].legend(handles, names, loc="center left", bbox_to_anchor=(1.0, 0.5))
