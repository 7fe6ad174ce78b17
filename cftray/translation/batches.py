"""Translated batches, a file each: a line of figures, then a line a row.

A file is whole or not there. An attempt takes over the files of those before it whose rows are the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cftray.store.atomic import write_atomic
from cftray.translation.index import Index, lines_of
from cftray.translation.work import Outcome

FOLDER = "batches"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Seconds that a batch took, and how many of them inside the translator."""

    rows: int
    seconds: float
    translator_seconds: float


def batch_file(folder: Path, number: int) -> Path:
    """Where an attempt keeps a batch."""
    return folder / FOLDER / f"{number:06d}.jsonl"


def write_batch(folder: Path, number: int, figures: Figures, outcomes: Iterable[Outcome]) -> None:
    """Keep a finished batch."""
    lines = [json.dumps(asdict(figures)), *(one.line() for one in outcomes)]
    write_atomic(batch_file(folder, number), "".join(f"{line}\n" for line in lines))


def read_batch(path: Path) -> tuple[Figures, Iterator[dict[str, Any]]]:
    """The figures, and outcomes as they are asked for: id, reason, tried, row."""
    lines = lines_of(path)
    return Figures(**json.loads(next(lines))), map(json.loads, lines)


def take_over(folder: Path, earlier: Iterable[Path], index: Index, batches: Sequence[Sequence[int]]) -> list[int]:
    """Copy what earlier attempts had finished; gives the numbers of the batches that are left."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    attempts = list(earlier)
    left = []
    for number, batch in enumerate(batches):
        found = next((path for one in attempts if (path := batch_file(one, number)).is_file()), None)
        if found is not None and [one["id"] for one in read_batch(found)[1]] == [index.ids[place] for place in batch]:
            part = batch_file(folder, number).with_suffix(".part")
            shutil.copyfile(found, part)
            part.rename(batch_file(folder, number))
        else:
            left.append(number)
    return left
