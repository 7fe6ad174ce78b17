"""How a worker on any node tells the driver how far it is: one small file in the attempt's folder, replaced."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from cftray.errors import Cancelled
from cftray.stage import Progress
from cftray.store.atomic import write_atomic
from cftray.watching import Watching

FILE_NAME = "progress.json"
EVERY_S = 0.5


class ProgressFile:
    """The worker's side. It also sees that it was asked to stop."""

    def __init__(self, folder: Path, stop: Path, unit: str) -> None:
        self._path, self._stop, self._unit = folder / FILE_NAME, stop, unit
        self._next = float("-inf")

    def tell(self, step: int, total: int) -> None:
        """At most every half second, and at the end. Raises Cancelled once the stop file exists."""
        now = time.monotonic()
        if now < self._next and step < total:
            return
        self._next = now + EVERY_S
        if self._stop.exists():
            raise Cancelled("stopped because it was asked to")
        write_atomic(self._path, json.dumps({"step": step, "total": total, "unit": self._unit}))


class Follow(Watching):
    """The driver's side: while open, reports what is new."""

    every_s = EVERY_S
    thread_name = "analysis-progress"

    def __init__(self, folder: Path, report: Callable[[Progress], None]) -> None:
        self._path, self._report = folder / FILE_NAME, report
        self._seen: dict[str, object] = {}

    def look(self) -> None:
        """Report where there is something new."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        if told != self._seen:
            self._seen = told
            self._report(Progress(step=told["step"], total=told["total"], unit=told["unit"]))
