"""Rows of a benchmark's file, and their fields with what is wrong with them told by file, line and field.

A benchmark is read whole or not at all: a score over the rows that happened to be readable is a score of something
else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cftray.data.adapters import BadRecord
from cftray.data.reading.parquet import parquet
from cftray.data.reading.records import TEXT, Formats, records_of
from cftray.errors import DataError

FORMATS: Final[Formats] = {**TEXT, "parquet": parquet}
SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record of `file`; `place` says which: `line 3`."""

    file: str
    place: str
    fields: Mapping[str, Any]

    def text(self, name: str, *, empty: bool = False) -> str:
        """A text, not blank unless `empty`. Raises DataError otherwise, as all of these do."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not (empty or value.strip()):
            raise self.refused(name, "a text" if empty else "a text that is not blank")
        if any("\udc80" <= char <= "\udcff" for char in value):
            raise self.refused(name, "UTF-8")
        return value

    def number(self, name: str) -> int:
        """A whole number, also one written as text, as in the hub's HellaSwag."""
        value = self.fields.get(name)
        if isinstance(value, str) and value.strip().isdigit():
            return int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.refused(name, "a whole number")
        return value

    def texts(self, name: str, *, empty: bool = False) -> list[str]:
        """A list of texts, at least one, none blank unless `empty`."""
        value = self.fields.get(name)
        found = value if isinstance(value, list) else []
        if not found or not all(isinstance(one, str) and (empty or one.strip()) for one in found):
            raise self.refused(name, "a list of texts, at least one" + ("" if empty else ", and none of them blank"))
        return list(found)

    def elements(self, name: str) -> list[Any]:
        """A list of whatever."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            raise self.refused(name, "a list")
        return value

    def refused(self, name: str, expected: str) -> DataError:
        """The error for a field that is not what it should be."""
        given = _shown(self.fields[name]) if name in self.fields else "not there"
        return DataError(f"{self.file}, {self.place}, field {name}: {given}; expected {expected}; mend the file")


def rows(path: Path) -> Iterator[Row]:
    """Every record of a JSON list, JSON lines or Parquet. Raises DataError at the first that is no object."""
    for kind, number, record in records_of(path, FORMATS):
        place = f"{kind} {number}"
        if not isinstance(record, Mapping):
            what = str(record) if isinstance(record, BadRecord) else f"is {_shown(record)}"
            raise DataError(f"{path.name}, {place}: {what}; expected an object with named fields; mend the file")
        yield Row(file=path.name, place=place, fields=record)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
