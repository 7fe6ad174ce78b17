"""While workers translate, tells how many rows their finished batches hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from cftray.stage import Progress
from cftray.translation.batches import batch_file
from cftray.watching import Watching


class Watch(Watching):
    """While open, reports; `sizes` are the rows of each batch."""

    thread_name = "translation-progress"

    def __init__(self, folder: Path, sizes: Sequence[int], report: Callable[[Progress], None]) -> None:
        self._folder = folder
        self._sizes = sizes
        self._report = report
        self._left = set(range(len(sizes)))
        self._rows = self._before = 0
        self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._before = self._rows = self._new()
        return super().__enter__()

    def look(self) -> None:
        """Report where batches were finished."""
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
