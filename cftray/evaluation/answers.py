"""The files in which answers are kept, a batch each, and what is taken over from attempts before.

    answers/<task>-<number>.json    a batch's answers, whole or not there
    started-by/<process>.json       what a process that answered is, and what its start took
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cftray.evaluation.requests import AskedTask
from cftray.store.atomic import write_atomic

FOLDER = "answers"
STARTS = "started-by"


class Batch(NamedTuple):
    """A batch of a task's, by its number."""

    asked: AskedTask
    number: int

    @property
    def file_name(self) -> str:
        """The name of the file of its answers."""
        return f"{self.asked.task}-{self.number:06d}.json"


def pooled(tasks: Iterable[AskedTask]) -> list[Batch]:
    """The batches of all tasks, the largest first."""
    batches = [Batch(asked, number) for asked in tasks for number in range(len(asked.batches))]
    return sorted(batches, key=lambda one: -one.asked.tokens(one.number))


def write_answers(
    folder: Path, asked: AskedTask, number: int, answers: Sequence[dict[str, Any]], seconds: float
) -> None:
    """Keep a batch's answers."""
    kept = {"sha256": asked.sha256, "seconds": round(seconds, 6), "answers": list(answers)}
    write_atomic(folder / FOLDER / Batch(asked, number).file_name, json.dumps(kept, ensure_ascii=False))


def read_answers(folder: Path, asked: AskedTask) -> tuple[dict[int, dict[str, Any]], float]:
    """(answers of a task by the requests' places, seconds that they took together)."""
    found: dict[int, dict[str, Any]] = {}
    seconds = 0.0
    for number in range(len(asked.batches)):
        kept = json.loads((folder / FOLDER / Batch(asked, number).file_name).read_text(encoding="utf-8"))
        found |= {one["place"]: one for one in kept["answers"]}
        seconds += kept["seconds"]
    return found, seconds


def take_over(folder: Path, earlier: Iterable[Path], batches: Sequence[Batch]) -> list[Batch]:
    """Copy what earlier attempts had finished of the same requests; gives the batches that are left."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    attempts = list(earlier)
    left = []
    for batch in batches:
        places = [one / FOLDER / batch.file_name for one in attempts]
        found = next((path for path in places if path.is_file() and _same(path, batch.asked)), None)
        if found is None:
            left.append(batch)
            continue
        part = (folder / FOLDER / batch.file_name).with_suffix(".part")
        shutil.copyfile(found, part)
        part.rename(folder / FOLDER / batch.file_name)
    return left


def _same(path: Path, asked: AskedTask) -> bool:
    return bool(json.loads(path.read_text(encoding="utf-8"))["sha256"] == asked.sha256)


def write_start(folder: Path, process: str, facts: dict[str, Any]) -> None:
    """Keep what a process says of itself."""
    write_atomic(folder / STARTS / f"{process}.json", json.dumps(facts))


def read_starts(folder: Path) -> list[dict[str, Any]]:
    """What every process that answered in this attempt said of itself."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / STARTS).glob("*.json"))]
