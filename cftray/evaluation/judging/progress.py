"""How far a judge is: the worker, which may be on another node, writes a line, the driver reads the last one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from cftray.stage import Progress

FILE: Final = "progress.jsonl"
LOOK_EVERY_S: Final = 0.5


def tell(folder: Path, judged: int, total: int) -> None:
    """So many of the answers are judged."""
    with open(folder / FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": judged, "total": total}) + "\n")


class Watch:
    """While open, reports what is told in an attempt's folder, from a thread of its own."""

    def __init__(self, folder: Path, report: Callable[[Progress], None]) -> None:
        self._path = folder / FILE
        self._report = report
        self._seen = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="judge-progress", daemon=True)

    def __enter__(self) -> Watch:
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
        """Report the last whole line, where it is a new one."""
        text = self._path.read_text(encoding="utf-8") if self._path.is_file() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()
        if len(lines) > self._seen:
            self._seen = len(lines)
            self._report(Progress(unit="answers", **json.loads(lines[-1])))
