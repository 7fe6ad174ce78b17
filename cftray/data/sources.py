"""A stage's input of rows: what another stage wrote, or files of the user's."""

from __future__ import annotations

from pathlib import Path

from cftray.data.adapters import Align, Loaded, load_rows, read_rows, sample_rows
from cftray.plan.stages import RowsSource
from cftray.store.leaves import locate_files


def rows_of(source: RowsSource | None, place: Path, align: Align | None = None) -> Loaded:
    """The rows at `place`, sampled as `source` says. Raises DataError where they can't be read or are too few.

    Rows that a stage wrote carry their alignment already; they are a file, or `rows.jsonl` in a folder.
    """
    if source is None:
        rows = read_rows(place / "rows.jsonl" if place.is_dir() else place)
        return Loaded(rows=rows, records=len(rows), empty=0)
    loaded = load_rows(locate_files(str(place)), source.adapter, source.language, align)
    chosen = sample_rows(loaded.rows, source.samples, source.sample_seed)
    return Loaded(rows=chosen, records=loaded.records, empty=loaded.empty)
