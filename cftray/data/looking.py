"""Which rows of a data set a preview looks at: those that training takes, or a part of them.

Rows that a stage has recorded are the best source: they are there whatever they were read from. Else the data
themselves are read, as far as the machine can (`Means`): the control plane reads text, a worker everything.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cftray.data.reading.opening import format_of
from cftray.data.reading.reader import Reader
from cftray.data.reading.records import TEXT, Formats
from cftray.data.reading.sampling import drawn as places_drawn
from cftray.data.rows import Row
from cftray.data.sources import ROWS
from cftray.plan.data_stages import RowsSource
from cftray.plan.reading import Outside, data_leaf, rows_source
from cftray.plan.stages import Leaf, LeafKind
from cftray.store.files import data_files, is_remote, locate_files
from cftray.store.leaves import LeafDigests

LOOK = 1000
"""Rows of a data set that figures are made from, at most."""

WHOLE_BYTES = 64 << 20
"""Files up to this size are read whole, so that rows can be drawn from all of them."""

DRAW_SEED = 0

Choice = Literal["all", "drawn", "first"]


class Unseen(Exception):
    """Why rows can't be looked at on this machine, as a whole sentence without its full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Rows to look at, and how they were come by; `out_of` is None where nobody counted."""

    rows: Sequence[Row]
    out_of: int | None
    choice: Choice
    empty: int = 0


def read_text(reader: Reader, place: Path) -> Iterator[Row]:
    """Rows of text files. Raises Unseen where one is of another format."""
    files = locate_files(str(place))
    unread = [file.name for file in files if format_of(file) not in reader.formats]
    if unread:
        raise Unseen(f"{unread[0]} is Parquet, which the service does not read")
    return reader.rows(files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a machine can read, and where it keeps what it fetches; by default what the control plane can."""

    digests: LeafDigests
    formats: Formats = field(default_factory=lambda: TEXT)
    read: Callable[[Reader, Path], Iterator[Row]] = read_text
    everything: bool = False

    def place(self, leaf: Leaf, source: RowsSource) -> Path:
        """Where the data lie, fetched if need be. Raises Unseen where that is for a worker."""
        languages = source.languages
        if not self.everything:
            if leaf.kind is LeafKind.HUB_SET:
                raise Unseen("a set of the hub is read by workers only")
            if languages is not None and languages.by == "detection" and source.proportions:
                raise Unseen("rows are drawn by their languages, which workers detect")
            if is_remote(leaf.location) and _size(leaf.location) > WHOLE_BYTES:
                raise Unseen(f"the files are over {WHOLE_BYTES >> 20} MiB, too large to fetch while a request waits")
        if leaf.kind is LeafKind.FILES and not is_remote(leaf.location):
            return self.digests.place(leaf, None)
        return self.digests.place(leaf, self.digests.known(leaf) or self.digests.make(leaf))


def rows_for_preview(data: Outside, limit: int, means: Means) -> Looked:
    """At most `limit` rows of the user's data, drawn from those that training takes.

    Of files too large to be read meanwhile, the first rows. Raises DataError as reading the data does, and
    Unseen where this machine can't read them.
    """
    source = rows_source(data)
    place = means.place(data_leaf(data), source)
    reader = Reader(source, means.formats)
    rows = means.read(reader, place)
    if _size_at(place) > WHOLE_BYTES:
        first = list(itertools.islice(rows, limit))
        return Looked(rows=first, out_of=None, choice="first", empty=reader.tally.counts["empty"])
    every = list(rows)
    taken = [every[place] for place in places_drawn(source, [row.language for row in every])]
    return drawn(taken, limit, empty=reader.tally.counts["empty"])


def recorded_rows(folder: Path, limit: int, *, empty: int = 0) -> Looked:
    """At most `limit` of the rows that a stage wrote, drawn from all; of the others no more than the line is read."""
    with open(folder / ROWS, "rb") as lines:
        count = sum(1 for _ in lines)
    chosen = _places(count, limit)
    with open(folder / ROWS, "rb") as lines:
        rows = [Row(**json.loads(line)) for place, line in enumerate(lines) if place in chosen]
    return Looked(rows=rows, out_of=count, choice="all" if count <= limit else "drawn", empty=empty)


def drawn(rows: list[Row], limit: int, *, empty: int = 0) -> Looked:
    """All rows, or `limit` of them drawn with a fixed seed, in their order."""
    chosen = _places(len(rows), limit)
    looked = [row for place, row in enumerate(rows) if place in chosen]
    return Looked(rows=looked, out_of=len(rows), choice="all" if len(rows) <= limit else "drawn", empty=empty)


def _places(count: int, limit: int) -> frozenset[int] | range:
    if count <= limit:
        return range(count)
    return frozenset(random.Random(DRAW_SEED).sample(range(count), limit))


def _size(location: str) -> int:
    return sum(file.size for file in data_files(location))


def _size_at(place: Path) -> int:
    """Of all files below a folder, whatever they are called: a hub's set has others than data files."""
    files = place.rglob("*") if place.is_dir() else locate_files(str(place))
    return sum(file.stat().st_size for file in files if file.is_file())
