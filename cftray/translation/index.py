"""Rows in a file without the rows in memory: where each is, how long, and which are translated together.

Batches are composed once from all rows, longest first, so a batch's translation depends neither on how many
workers there are nor on what an earlier attempt had finished.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cftray.data.rows import Row
from cftray.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Ids, offsets and sizes in bytes of the rows of a JSON-lines file, in the file's order."""

    path: Path
    ids: list[str]
    offsets: array[int]
    sizes: array[int]

    @classmethod
    def of(cls, path: Path) -> Index:
        """Read `path` once, a line at a time. Raises DataError where two rows share an id."""
        ids: list[str] = []
        offsets, sizes = array("q"), array("q")
        place = 0
        with open(path, "rb") as file:
            for line in file:
                ids.append(json.loads(line)["id"])
                offsets.append(place)
                sizes.append(len(line))
                place += len(line)
        if len(set(ids)) < len(ids):
            raise DataError(f"{len(ids)} rows have {len(set(ids))} ids; each needs one of its own")
        return cls(path=path, ids=ids, offsets=offsets, sizes=sizes)

    def batches(self, size: int) -> list[array[int]]:
        """Places of rows that are translated together, alike in length, the longest first."""
        order = array("q", sorted(range(len(self.ids)), key=lambda place: (-self.sizes[place], place)))
        return [order[start : start + size] for start in range(0, len(order), size)]

    def item(self, batch: Sequence[int]) -> list[list[int]]:
        """(offset, size) of each row of a batch: all that a worker needs."""
        return [[self.offsets[place], self.sizes[place]] for place in batch]


def read_at(path: Path, places: Iterable[Sequence[int]]) -> list[Row]:
    """The rows at (offset, size) pairs of a file."""
    with open(path, "rb") as file:
        return [Row(**json.loads(_bytes_at(file.seek, file.read, offset, size))) for offset, size in places]


class Spool:
    """Lines that arrive in any order and are written in that of their keys; only keys and places are in memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open(path, "w+b")  # noqa: SIM115 - closed by `lay_out`
        self._keys: list[str] = []
        self._offsets, self._sizes = array("q"), array("q")

    def add(self, key: str, line: str) -> None:
        """Keep a line."""
        raw = line.encode() + b"\n"
        self._keys.append(key)
        self._offsets.append(self._file.tell())
        self._sizes.append(len(raw))
        self._file.write(raw)

    def lay_out(self, target: Path) -> int:
        """Write all lines to `target`, by key; the spool is gone afterwards. Returns how many."""
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        with open(target, "wb") as out:
            for place in order:
                out.write(_bytes_at(self._file.seek, self._file.read, self._offsets[place], self._sizes[place]))
        self._file.close()
        self._path.unlink()
        return len(order)


def lines_of(path: Path) -> Iterator[str]:
    """The lines of a file without their ends."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def _bytes_at(seek: Callable[[int], int], read: Callable[[int], bytes], offset: int, size: int) -> bytes:
    seek(offset)
    return read(size)
