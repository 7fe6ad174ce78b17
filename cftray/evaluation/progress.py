"""How far an evaluation is, read off the files of its answers.

Processes that answer may run on other nodes: they write, the driver looks, and neither waits for the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from cftray.evaluation.answers import FOLDER, Batch
from cftray.stage import Progress

LOOK_EVERY_S = 0.5


class Watch:
    """While open, reports answered requests from a thread of its own."""

    def __init__(self, folder: Path, batches: Sequence[Batch], report: Callable[[Progress], None]) -> None:
        self._folder = folder / FOLDER
        self._left = {one.file_name: one.asked.batches[one.number].requests for one in batches}
        self._total = sum(self._left.values())
        self._report = report
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="evaluation-progress", daemon=True)

    def __enter__(self) -> Watch:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(LOOK_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        """Report where there is something new."""
        new = [path.name for path in self._folder.glob("*.json") if path.name in self._left]
        for name in new:
            del self._left[name]
        if new:
            step = self._total - sum(self._left.values())
            self._report(Progress(step=step, total=self._total, unit="requests"))
