"""While workers write files, tells how many of the items in them are done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cftray.stage import Progress
from cftray.watching import Watching


class FileWatch(Watching):
    """While open, reports; `sizes` are the prompts that each file will hold."""

    thread_name = "activations-progress"

    def __init__(self, sizes: Mapping[Path, int], report: Callable[[Progress], None]) -> None:
        self._left = dict(sizes)
        self._total = sum(sizes.values())
        self._done = 0
        self._report = report

    def look(self) -> None:
        """Report where there is something new."""
        new = [path for path in self._left if path.is_file()]
        if new:
            self._done += sum(self._left.pop(path) for path in new)
            self._report(Progress(step=self._done, total=self._total, unit="prompts"))
