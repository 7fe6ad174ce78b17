"""Records of files become rows.

The rules: a file is a JSON list or JSON lines; a line that is not JSON, or a record without the
adapter's fields, refuses the file by name and line, because a data set with a hole in it is another
data set; a null or missing `input` is the empty string; a record with an empty instruction or
response is left out and counted.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.spec.data import Adapter

Reader = Callable[[Path, str, Any, str], Row | None]
"""(file, place, record, language) to a row, or None where a needed field is empty."""

Align = Callable[[str, int, Any], str]
"""(place, number among all records, record) to the id that a row shares with its English counterpart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Rows in the files' order, and how many records were left out because a field was empty."""

    rows: list[Row]
    records: int
    empty: int


def load_rows(
    files: Iterable[Path], adapter: Adapter, language: str, align: Align | None = None, *, limit: int | None = None
) -> Loaded:
    """All rows of `files`, or those of the first `limit` records; `align` also fills their `english_id`.

    Raises DataError where a file can't be read as the adapter says, or a record lacks what it is aligned by.
    """
    rows: list[Row] = []
    records = 0
    for path in files:
        for place, record in _records(path):
            if records == limit:
                break
            row = READERS[adapter](path, place, record, language)
            if row is not None:
                rows.append(row if align is None else replace(row, english_id=align(place, records, record)))
            records += 1
    if not rows:
        names = ", ".join(path.name for path in files)
        raise DataError(f"{names}: no usable row in {records} records; expected instruction and output")
    return Loaded(rows=rows, records=records, empty=records - len(rows))


def by_line(place: str, number: int, record: Any) -> str:  # noqa: ARG001 - one of two ways to align
    """Align the n-th record with the n-th."""
    return str(number)


def by_key(key: str) -> Align:
    """Align records by the value of a field. Raises DataError where a record has none."""

    def read(place: str, number: int, record: Any) -> str:  # noqa: ARG001
        value = record.get(key)
        if not isinstance(value, str | int) or value == "":
            raise DataError(f"{place}: has no {key}; alignment by id needs it in every record of both files")
        return str(value)

    return read


def sample_rows(rows: list[Row], samples: int | None, seed: int) -> list[Row]:
    """`samples` rows drawn without repetition, in the order they stood in; None: all of them.

    Raises DataError where there are fewer: a smaller set would pass for the one asked for.
    """
    if samples is None:
        return rows
    if samples > len(rows):
        raise DataError(f"{samples} samples asked for, {len(rows)} rows are there; ask for at most {len(rows)}")
    chosen = sorted(random.Random(seed).sample(range(len(rows)), samples))
    return [rows[index] for index in chosen]


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Rows as JSON lines, every field written; returns how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> list[Row]:
    """Rows that `write_rows` wrote."""
    with open(path, encoding="utf-8") as file:
        return [Row(**json.loads(line)) for line in file]


def _records(path: Path) -> Iterator[tuple[str, Any]]:
    """(place, record) of a JSON list or of JSON lines; the place names file and line or record."""
    with open(path, encoding="utf-8-sig") as file:
        try:
            start = file.read(1)
            while start.isspace():
                start = file.read(1)
            file.seek(0)
            yield from _listed(path, file.read()) if start == "[" else _lines(path, file)
        except UnicodeDecodeError as error:
            raise DataError(f"{path.name}: byte {error.start} is not UTF-8; convert the file to UTF-8") from error


def _listed(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    try:
        records = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise DataError(f"{path.name}, line {error.lineno}: not JSON ({error.msg}); mend or remove it") from error
    for index, record in enumerate(records, 1):
        yield f"{path.name}, record {index}", record


def _lines(path: Path, file: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            yield f"{path.name}, line {number}", json.loads(line.lstrip("\ufeff"))
        except json.JSONDecodeError as error:
            raise DataError(f"{path.name}, line {number}: not JSON ({error.msg}); mend or remove it") from error


def _alpaca(path: Path, place: str, record: Any, language: str) -> Row | None:
    if not isinstance(record, dict):
        raise DataError(f"{place}: a {type(record).__name__}; expected an object with instruction and output")
    missing = [name for name in ("instruction", "output") if name not in record]
    if missing:
        found = ", ".join(sorted(map(str, record))) or "no fields"
        raise DataError(f"{place}: has no {' and no '.join(missing)} ({found}); the alpaca adapter needs them")
    values = {name: record.get(name) for name in ("instruction", "input", "output")}
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            raise DataError(f"{place}: {name} is a {type(value).__name__}; expected text")
    instruction, given, output = ((values[name] or "").strip() for name in ("instruction", "input", "output"))
    if not instruction or not output:
        return None
    identity = f"{path.stem}:{place.rsplit(' ', 1)[1]}"
    return Row(id=identity, instruction=instruction, input=given, output=output, language=language)


READERS: dict[Adapter, Reader] = {Adapter.ALPACA: _alpaca}
