"""A stage's input of rows: what another stage wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cftray.data.adapters import iterate_rows
from cftray.data.rows import Row

ROWS = "rows.jsonl"


def rows_of(place: Path) -> list[Row]:
    """The rows at `place`, which is a file or a folder with `rows.jsonl`."""
    return list(stream_rows(place))


def stream_rows(place: Path) -> Iterator[Row]:
    """The same, one at a time."""
    return iterate_rows(place / ROWS if place.is_dir() else place)
