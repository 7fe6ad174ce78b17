"""How far an evaluation is, read off the files of its answers.

Processes that answer may run on other nodes: they write, the driver looks, and neither waits for the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from cftray.evaluation.answers import FOLDER, Batch
from cftray.stage import Progress
from cftray.watching import Watching


class Watch(Watching):
    """While open, reports answered requests."""

    thread_name = "evaluation-progress"

    def __init__(self, folder: Path, batches: Sequence[Batch], report: Callable[[Progress], None]) -> None:
        self._folder = folder / FOLDER
        self._left = {one.file_name: one.asked.batches[one.number].requests for one in batches}
        self._total = sum(self._left.values())
        self._report = report

    def __enter__(self) -> Self:
        self.look()
        return super().__enter__()

    def look(self) -> None:
        """Report where there is something new."""
        new = [path.name for path in self._folder.glob("*.json") if path.name in self._left]
        for name in new:
            del self._left[name]
        if new:
            step = self._total - sum(self._left.values())
            self._report(Progress(step=step, total=self._total, unit="requests"))
