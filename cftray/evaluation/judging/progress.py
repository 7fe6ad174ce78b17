"""How far a judge is: the worker, which may be on another node, writes a line, the driver reads the last one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cftray.stage import Progress
from cftray.watching import Watching

FILE: Final = "progress.jsonl"


def tell(folder: Path, judged: int, total: int) -> None:
    """So many of the answers are judged."""
    with open(folder / FILE, "a", encoding="utf-8") as file:
        file.write(json.dumps({"step": judged, "total": total}) + "\n")


class Watch(Watching):
    """While open, reports what is told in an attempt's folder."""

    thread_name = "judge-progress"

    def __init__(self, folder: Path, report: Callable[[Progress], None]) -> None:
        self._path = folder / FILE
        self._report = report
        self._seen = 0

    def look(self) -> None:
        """Report the last whole line, where it is a new one."""
        text = self._path.read_text(encoding="utf-8") if self._path.is_file() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()
        if len(lines) > self._seen:
            self._seen = len(lines)
            self._report(Progress(unit="answers", **json.loads(lines[-1])))
