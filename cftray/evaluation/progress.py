"""How the worker tells the driver how far it is: JSON lines in the attempt's folder.

The worker may run on another node, so it writes and the driver reads; neither waits for the other.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from cftray.stage import Progress

FILE_NAME = "progress.jsonl"
WRITE_EVERY_S = 0.5
READ_EVERY_S = 0.5


class ProgressWriter:
    """Appends a line at most every half second, and whenever it is forced."""

    def __init__(self, folder: Path, total: int) -> None:
        self._path = folder / FILE_NAME
        self._total = total
        self._written = float("-inf")

    def tell(self, items: int, tasks: int, *, force: bool = False) -> None:
        """`items` scored so far, of `tasks` finished tasks and the one that runs."""
        now = time.monotonic()
        if not force and now - self._written < WRITE_EVERY_S:
            return
        self._written = now
        line = json.dumps({"step": min(items, self._total), "total": self._total, "tasks": tasks})
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(line + "\n")


class ProgressReader:
    """While open, reports new lines of a worker's progress from a thread of its own."""

    def __init__(self, folder: Path, report: Callable[[Progress], None]) -> None:
        self._path = folder / FILE_NAME
        self._report = report
        self._seen = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="evaluation-progress", daemon=True)

    def __enter__(self) -> ProgressReader:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._done.wait(READ_EVERY_S):
            self._report_new()
        self._report_new()

    def _report_new(self) -> None:
        """Report the newest whole line, if there is one that was not reported before."""
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        whole = text[: text.rfind("\n") + 1].splitlines()
        if len(whole) > self._seen:
            self._seen = len(whole)
            told = json.loads(whole[-1])
            figures = {"tasks": float(told["tasks"])}
            self._report(Progress(step=told["step"], total=told["total"], unit="items", figures=figures))
