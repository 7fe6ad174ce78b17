"""While workers translate, tells how many rows their finished batches hold."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from cftray.stage import Progress
from cftray.translation.batches import batch_file

LOOK_EVERY_S = 0.5


class Watch:
    """While open, reports from a thread of its own; `sizes` are the rows of each batch."""

    def __init__(self, folder: Path, sizes: Sequence[int], report: Callable[[Progress], None]) -> None:
        self._folder = folder
        self._sizes = sizes
        self._report = report
        self._left = set(range(len(sizes)))
        self._rows = self._before = 0
        self._started = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="translation-progress", daemon=True)

    def __enter__(self) -> Watch:
        self._before = self._rows = self._new()
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
        new = self._new()
        if not new:
            return
        self._rows += new
        rate = (self._rows - self._before) / (time.monotonic() - self._started)
        self._report(Progress(step=self._rows, total=sum(self._sizes), unit="rows", figures={"rows_per_s": rate}))

    def _new(self) -> int:
        """Rows of the batches that were finished since the last look."""
        found = {number for number in self._left if batch_file(self._folder, number).is_file()}
        self._left -= found
        return sum(self._sizes[number] for number in found)
