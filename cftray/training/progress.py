"""The curve as it grows, told to whoever runs the stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cftray.stage import Progress
from cftray.watching import Watching


class CurveWatch(Watching):
    """While open, reports the newest line of a curve, at most once a second; the last one on leaving."""

    every_s = 1.0
    thread_name = "curve-watch"

    def __init__(self, curve: Path, total: int, report: Callable[[Progress], None]) -> None:
        self._curve = curve
        self._total = total
        self._report = report
        self._read = 0
        self._step = 0

    def look(self) -> None:
        """Report the steps that have come since the last look, their speed together, if any has."""
        if not self._curve.exists():
            return
        with open(self._curve, "rb") as file:
            file.seek(self._read)
            raw = file.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        self._read += len(whole)
        lines = [json.loads(line) for line in whole.splitlines()]
        if not lines or lines[-1]["step"] <= self._step:
            return
        self._step = lines[-1]["step"]
        seconds = sum(line["seconds"] for line in lines) or 1e-9
        figures = {name: float(lines[-1][name]) for name in ("loss", "learning_rate", "grad_norm")}
        for name in ("tokens", "supervised_tokens"):
            figures[f"{name}_per_s"] = sum(line[name] for line in lines) / seconds
        self._report(Progress(step=self._step, total=self._total, unit="steps", figures=figures))


def curve_lines(path: Path) -> list[dict[str, Any]]:
    """Every step of a finished curve."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
