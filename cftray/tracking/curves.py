"""Curves of a training stage: live from progress events, whole from its record's `curve`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from cftray.tracking.images import milliseconds
from cftray.tracking.tracker import Point
from cftray.tracking.view import LiveStage

CURVES = ("loss", "learning_rate", "grad_norm", "tokens_per_s")


def live_points(stage: LiveStage) -> list[Point]:
    """Points of the progress events; figures without a curve of their own are not shown."""
    return [
        Point(name=name, value=event.figures[name], step=event.step, at=milliseconds(event.at))
        for event in stage.points
        for name in CURVES
        if name in event.figures and math.isfinite(event.figures[name])
    ]


def recorded_points(curve: Path, started_at: int) -> tuple[list[Point], list[str]]:
    """Points of a curve.jsonl (`seconds` is each step's own), and in words what is not finite in it."""
    points: list[Point] = []
    not_finite: dict[str, list[int]] = {}
    for step, at, figures in _steps(curve, started_at):
        for name, value in figures.items():
            if math.isfinite(value):
                points.append(Point(name=name, value=value, step=step, at=at))
            else:
                not_finite.setdefault(name, []).append(step)
    words = [
        f"{name} is not finite at {len(steps)} steps, first at {steps[0]}"
        for name, steps in not_finite.items()
    ]
    return points, words


def _steps(curve: Path, started_at: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    elapsed = 0.0
    with open(curve, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            seconds = row.get("seconds") or 0.0
            elapsed += seconds
            figures = {name: float(row[name]) for name in CURVES if row.get(name) is not None}
            if seconds > 0 and row.get("tokens"):
                figures["tokens_per_s"] = row["tokens"] / seconds
            yield row["step"], started_at + round(elapsed * 1000), figures
