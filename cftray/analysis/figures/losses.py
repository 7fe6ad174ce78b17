"""Loss curves of a matrix's cells: a panel a phase, a line a cell, its seeds together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import WIDTH, figure, look, save
from cftray.errors import DataError

NAME = "losses"
WINDOWS = 50
"""A curve is averaged over about this part of its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCurve:
    """`losses` per supervised token at ascending `steps`. Curves of one `label` are replicas of a cell."""

    label: str
    steps: Sequence[int]
    losses: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPanel:
    """Curves that are worth comparing: those of one phase."""

    title: str
    curves: Sequence[LossCurve]


def loss_curves(panels: Sequence[LossPanel], folder: Path, name: str = NAME) -> tuple[Path, Path]:
    """Panels one below the other; each replica thin, their mean thick where they have the same steps.

    Raises DataError where no panel holds a finite loss.
    """
    if not any(math.isfinite(loss) for panel in panels for curve in panel.curves for loss in curve.losses):
        raise DataError("there is no finite loss to draw; was anything trained?")
    with figure(WIDTH, 2.5 * len(panels) + 0.1) as drawn:
        for axis, panel in zip(drawn.subplots(len(panels), 1, squeeze=False).ravel(), panels, strict=True):
            _panel(axis, panel)
        return save(drawn, folder, name)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential average over about a fiftieth of the curve, corrected for its beginning."""
    keep = 1 - 1 / max(1.0, len(losses) / WINDOWS)
    total, weight, smooth = 0.0, 0.0, []
    for loss in losses:
        total, weight = keep * total + loss, keep * weight + 1
        smooth.append(total / weight)
    return smooth


def _panel(axis: Any, panel: LossPanel) -> None:
    labels = dict.fromkeys(curve.label for curve in panel.curves)
    drawn: list[float] = []
    for number, label in enumerate(labels):
        curves = [_finite(curve) for curve in panel.curves if curve.label == label]
        drawn += _cell(axis, [curve for curve in curves if curve.steps], number, label)
    axis.set(title=panel.title, xlabel="step", ylabel="loss per supervised token")
    if drawn:
        axis.set_ylim(bottom=0, top=1.05 * max(drawn))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _cell(axis: Any, curves: Sequence[LossCurve], number: int, label: str) -> list[float]:
    """Draws a cell; gives the losses that the axis has to show."""
    style = look(number)
    smooth = [smoothed(curve.losses) for curve in curves]
    alike = len({tuple(curve.steps) for curve in curves}) == 1
    if len(curves) > 1:
        for curve, values in zip(curves, smooth, strict=True):
            axis.plot(curve.steps, values, color=style.colour, linewidth=0.6, alpha=0.5)
    lines = [(curves[0].steps, [sum(of) / len(of) for of in zip(*smooth, strict=True)])] if alike else [
        (curve.steps, values) for curve, values in zip(curves, smooth, strict=True)
    ]  # fmt: skip
    for place, (steps, values) in enumerate(lines):
        axis.plot(
            steps, values, color=style.colour, linestyle=style.dashes, marker=style.marker,
            markevery=(len(steps) * (number % 7) // 56, max(1, len(steps) // 8)), label=label if place == 0 else None,
        )  # fmt: skip
    return [value for values in smooth for value in values]


def _finite(curve: LossCurve) -> LossCurve:
    kept = [(step, loss) for step, loss in zip(curve.steps, curve.losses, strict=True) if math.isfinite(loss)]
    return LossCurve(label=curve.label, steps=[step for step, _ in kept], losses=[loss for _, loss in kept])
