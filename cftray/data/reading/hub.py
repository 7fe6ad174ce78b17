"""Records of a set of the hub, from the folder that holds its files at a commit.

`datasets` reads the set's own description of its configurations and splits, and streams. Loading
scripts are not run: a set that needs one is read at its Parquet revision (`refs/convert/parquet`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cftray.data.reading.records import Numbered
from cftray.errors import DataError


def hub_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """The files of a set's repository that one of the patterns fits, sorted. Raises DataError where there are none."""
    found = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    if not found:
        there = sorted({path.suffix or path.name for path in folder.rglob("*") if path.is_file()})
        raise DataError(
            f"the set has no file like {', '.join(patterns)}; expected patterns of its paths, such as data/*.json"
            + (f" (there are {', '.join(there[:8])})" if there else "")
        )
    return found


def hub_records(
    place: Path | str, config: str | None, split: str, revision: str | None = None
) -> Iterator[Numbered]:
    """Records of a folder, or of a set of the hub by name, of which no more is fetched than is read.

    Raises DataError where the set has no such configuration or split, or can't be read."""
    import datasets

    try:
        found = datasets.load_dataset(str(place), name=config, split=split, revision=revision, streaming=True)
        for number, record in enumerate(found, 1):
            yield "row", number, record
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"split {split} of configuration {config or 'default'} can't be read ({reason}); check hub.config and "
            "hub.split, or take revision: refs/convert/parquet where the set needs a loading script"
        ) from error
