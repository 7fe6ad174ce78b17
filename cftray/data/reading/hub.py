"""Records of a set of the hub, from the folder that holds its files at a commit.

`datasets` reads the set's own description of its configurations and splits, and streams. Loading
scripts are not run: a set that needs one is read at its Parquet revision (`refs/convert/parquet`), whose
folders are configurations, with a folder for each split. Where names of files tell the languages, the
files themselves are read, as those of one's own are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cftray.data.reading.reader import Reader
from cftray.data.reading.records import Numbered
from cftray.data.rows import Row
from cftray.errors import DataError

NAME = "the hub's set"


def hub_rows(reader: Reader, folder: Path, split: str) -> Iterator[Row]:
    """Rows of a split. Raises DataError where the set has no such configuration or split, or can't be read."""
    config, languages = reader.source.config, reader.source.languages
    converted = converted_files(folder, config, split)
    if converted:
        return reader.rows(converted)
    if languages is not None and languages.by == "file":
        return reader.rows(described_files(folder, config, split))
    return reader.rows_of(NAME, hub_records(folder, config, split))


def converted_files(folder: Path, config: str | None, split: str) -> list[Path]:
    """Files of a configuration in the Parquet layout of the hub, `de/train/0000.parquet`; none in other layouts."""
    if config is None:
        return []
    return sorted(path for name in (split, f"partial-{split}") for path in (folder / config / name).glob("*.parquet"))


def described_files(folder: Path, config: str | None, split: str) -> list[Path]:
    """Files of a split as the set's description, or else their names, say, in the order of their paths."""
    import datasets

    try:
        found = datasets.load_dataset_builder(str(folder), name=config).config.data_files or {}
    except Exception as error:
        raise _unread(config, split, error) from error
    files = sorted(Path(one) for one in found.get(split, ()))
    missing = [one for one in files if not one.is_file()]
    if missing or not files:
        splits = ", ".join(sorted(map(str, found))) or "none"
        lost = f"{missing[0].name} is no file" if missing else f"splits found: {splits}"
        raise _unread(config, split, lost)
    return files


def hub_records(folder: Path, config: str | None, split: str) -> Iterator[Numbered]:
    """Raises DataError where the set has no such configuration or split, or can't be read."""
    import datasets

    try:
        found = datasets.load_dataset(str(folder), name=config, split=split, streaming=True)
        for number, record in enumerate(found, 1):
            yield "row", number, record
    except Exception as error:
        raise _unread(config, split, error) from error


def _unread(config: str | None, split: str, why: Any) -> DataError:
    reason = " ".join(str(why).split())[:300]
    return DataError(
        f"split {split} of configuration {config or 'default'} can't be read ({reason}); check hub.config and "
        "hub.split, or take revision: refs/convert/parquet where the set needs a loading script"
    )
