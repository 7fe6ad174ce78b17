"""While workers write files, tells how many of the items in them are done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from cftray.stage import Progress

LOOK_EVERY_S = 0.5


class FileWatch:
    """While open, reports from a thread of its own; `sizes` are the prompts that each file will hold."""

    def __init__(self, sizes: Mapping[Path, int], report: Callable[[Progress], None]) -> None:
        self._left = dict(sizes)
        self._total = sum(sizes.values())
        self._done = 0
        self._report = report
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="activations-progress", daemon=True)

    def __enter__(self) -> FileWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            self._look()
        self._look()

    def _look(self) -> None:
        new = [path for path in self._left if path.is_file()]
        if new:
            self._done += sum(self._left.pop(path) for path in new)
            self._report(Progress(step=self._done, total=self._total, unit="prompts"))
