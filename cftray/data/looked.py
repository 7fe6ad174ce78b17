"""Rows of a data set to look at: all, some drawn from all, or the first."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cftray.data.reading.reader import Reader
from cftray.data.reading.sampling import drawn as places_drawn
from cftray.data.rows import Row

WHOLE_BYTES = 64 << 20
"""Files up to this size are read whole, so that rows can be drawn from all of them."""

DRAW_SEED = 0

Choice = Literal["all", "drawn", "first"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Rows to look at, and how they were come by; `out_of` is None where nobody counted."""

    rows: Sequence[Row]
    out_of: int | None
    choice: Choice
    empty: int = 0


def look(reader: Reader, files: Sequence[Path], limit: int) -> Looked:
    """At most `limit` rows of files that the reader can read. Raises DataError as it does."""
    rows = reader.rows(files)
    if sum(path.stat().st_size for path in files) > WHOLE_BYTES:
        first = list(itertools.islice(rows, limit))
        return Looked(rows=first, out_of=None, choice="first", empty=reader.tally.counts["empty"])
    every = list(rows)
    taken = [every[place] for place in places_drawn(reader.source, [row.language for row in every])]
    return drawn(taken, limit, empty=reader.tally.counts["empty"])


def drawn(rows: list[Row], limit: int, *, empty: int = 0) -> Looked:
    """All rows, or `limit` of them drawn with a fixed seed, in their order."""
    if len(rows) <= limit:
        return Looked(rows=rows, out_of=len(rows), choice="all", empty=empty)
    chosen = sorted(random.Random(DRAW_SEED).sample(range(len(rows)), limit))
    return Looked(rows=[rows[place] for place in chosen], out_of=len(rows), choice="drawn", empty=empty)
