"""Loss curves as inline SVG: a small line plot, drawn here so that the page needs nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from cftray.errors import InternalError

WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 12, 30
POINTS = 240
"""Points of a line; longer curves are averaged in groups of neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A phase's loss: `steps` ascending, `losses` per supervised token, one line per seed."""

    label: str
    steps: tuple[int, ...]
    losses: tuple[float, ...]


def read_curve(path: Path, label: str) -> Curve:
    """The curve of a training stage: JSON lines with `step` and `loss`. Raises InternalError."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        pairs = [(int(line["step"]), float(line["loss"])) for line in lines]
    except (OSError, ValueError, KeyError) as error:
        raise InternalError(f"{path.name}: a training curve can't be read: {error}") from error
    kept = [(step, loss) for step, loss in pairs if math.isfinite(loss)]
    return Curve(label=label, steps=tuple(step for step, _ in kept), losses=tuple(loss for _, loss in kept))


def line_plot(curves: Sequence[Curve], title: str) -> Markup:
    """An SVG with a line for each curve; a moving average over the raw line of each."""
    drawn = [curve for curve in curves if curve.steps]
    if not drawn:
        return Markup("")
    last = max(curve.steps[-1] for curve in drawn)
    values = [loss for curve in drawn for loss in curve.losses]
    marks = ticks(0.0, _high(values))
    top = max(marks[-1], _high(values))
    parts = [_axes(marks, top, last)]
    for index, curve in enumerate(drawn):
        parts.append(_polyline(thinned(curve), last, top, f"raw c{index % 4}"))
        parts.append(_polyline(thinned(_smoothed(curve)), last, top, f"line c{index % 4}"))
    body = Markup("").join(parts)
    return Markup(
        '<svg class="plot" viewBox="0 0 {w} {h}" role="img" aria-label="{t}"><title>{t}</title>{b}</svg>'
    ).format(w=WIDTH, h=HEIGHT, t=title, b=body)


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round values from `low` to at least `high`, about `wanted` steps of 1, 2, 2.5 or 5 times a power of ten."""
    span = max(high - low, 1e-9)
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(power * one for one in (1, 2, 2.5, 5, 10) if power * one * wanted >= span * 0.999)
    return [round(low + step * index, 10) for index in range(math.ceil((high - low) / step - 1e-9) + 1)]


def _high(values: Sequence[float]) -> float:
    """The top of the axis: all but the highest half per cent, so that one spike doesn't flatten the rest."""
    ordered = sorted(values)
    return max(ordered[min(len(ordered) - 1, int(0.995 * len(ordered)))], 1e-6)


def _smoothed(curve: Curve) -> Curve:
    """Exponential average over about a fiftieth of the curve, corrected for its beginning."""
    keep = 1 - 1 / max(1.0, len(curve.losses) / 50)
    total, weight, smooth = 0.0, 0.0, []
    for loss in curve.losses:
        total, weight = keep * total + loss, keep * weight + 1
        smooth.append(total / weight)
    return Curve(label=curve.label, steps=curve.steps, losses=tuple(smooth))


def thinned(curve: Curve, most: int = POINTS) -> Curve:
    """At most `most` points: means of neighbours, each at the last step of its group."""
    size = max(1, math.ceil(len(curve.steps) / most))
    groups = range(0, len(curve.steps), size)
    losses = [curve.losses[start : start + size] for start in groups]
    return Curve(
        label=curve.label,
        steps=tuple(curve.steps[start : start + size][-1] for start in groups),
        losses=tuple(math.fsum(group) / len(group) for group in losses),
    )


def _x(step: int, last: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * step / max(1, last)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, top) / top


def _polyline(curve: Curve, last: int, top: float, kind: str) -> Markup:
    points = " ".join(
        f"{_x(step, last):.1f},{_y(loss, top):.1f}" for step, loss in zip(curve.steps, curve.losses, strict=True)
    )
    return Markup('<polyline class="{k}" points="{p}"/>').format(k=kind, p=points)


def _axes(marks: Sequence[float], top: float, last: int) -> Markup:
    lines = []
    for value in marks:
        y = _y(value, top)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(f"{value:g}")}</text>')
    for step in ticks(0, last):
        if step <= last:
            x = _x(int(step), last)
            lines.append(f'<text x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{int(step):,}</text>')
    return Markup("".join(lines))
