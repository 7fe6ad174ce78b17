"""Records of a set of the hub, from the folder that holds its files at a commit.

`datasets` reads the set's own description of its configurations and splits, and streams. Loading
scripts are not run: a set that needs one is read at its Parquet revision (`refs/convert/parquet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cftray.data.reading.records import Numbered
from cftray.errors import DataError


def hub_records(folder: Path, config: str | None, split: str) -> Iterator[Numbered]:
    """Raises DataError where the set has no such configuration or split, or can't be read."""
    import datasets

    try:
        found = datasets.load_dataset(str(folder), name=config, split=split, streaming=True)
        for number, record in enumerate(found, 1):
            yield "row", number, record
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"split {split} of configuration {config or 'default'} can't be read ({reason}); check hub.config and "
            "hub.split, or take revision: refs/convert/parquet where the set needs a loading script"
        ) from error
