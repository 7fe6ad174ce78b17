"""The curve as it grows, told to whoever runs the stage."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cftray.stage import Progress

INTERVAL_SECONDS = 1.0


class CurveWatch:
    """While entered, a thread reports the newest line of a curve, at most once a second; the last one on leaving."""

    def __init__(self, curve: Path, total: int, report: Callable[[Progress], None]) -> None:
        self._curve = curve
        self._total = total
        self._report = report
        self._done = threading.Event()
        self._read = 0
        self._step = 0
        self._thread = threading.Thread(target=self._watch, name="curve-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self.look()

    def _watch(self) -> None:
        while not self._done.wait(INTERVAL_SECONDS):
            self.look()

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
