"""Records of text files, one at a time, each with its number: a line, or a place in a list.

What can't be read comes as a BadRecord in the record's place, for the reader's rules to judge. Only a
JSON list is held whole.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from cftray.data.adapters import BadRecord
from cftray.data.reading.opening import format_of, opened
from cftray.errors import DataError

Numbered = tuple[str, int, Any]
"""(`line`, `record` or `row`, its number from 1, the record or a BadRecord)"""

Format = Callable[[Path], Iterator[Numbered]]
Formats = Mapping[str, Format]


def records_of(path: Path, formats: Formats) -> Iterator[Numbered]:
    """All records of a file. Raises DataError where the file as a whole can't be read."""
    return formats[format_of(path)](path)


def _json(path: Path) -> Iterator[Numbered]:
    with opened(path) as text:
        start = _first(text)
        yield from _listed(path, start + text.read()) if start.endswith("[") else _lines(start, text)


def _separated(path: Path, delimiter: str) -> Iterator[Numbered]:
    """Rows under a line of names; the number is the line that a row ends in."""
    csv.field_size_limit(sys.maxsize)
    with opened(path) as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        names = _next(reader)
        if isinstance(names, BadRecord) or names is None:
            raise DataError(f"{path.name}: {names or 'is empty'}; expected a first line with the columns' names")
        while (cells := _next(reader)) is not None:
            if isinstance(cells, BadRecord):
                yield "line", reader.line_num, cells
            elif len(cells) == len(names):
                yield "line", reader.line_num, dict(zip(names, cells, strict=True))
            elif cells:
                wrong = BadRecord(f"has {len(cells)} cells, the first line names {len(names)} columns")
                yield "line", reader.line_num, wrong


TEXT: Formats = {
    "json": _json,
    "csv": lambda path: _separated(path, ","),
    "tsv": lambda path: _separated(path, "\t"),
}
"""The formats that need nothing but Python."""


def _first(text: TextIO) -> str:
    """The first character that is not white space, behind the line ends before it, which count."""
    skipped = ""
    while (one := text.read(1)).isspace():
        skipped += one if one == "\n" else ""
    return skipped + one


def _listed(path: Path, text: str) -> Iterator[Numbered]:
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"{path.name}, line {error.lineno}: not JSON ({error.msg}); mend or remove it") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: not JSON that can be read ({error}); mend it") from error
    for number, record in enumerate(records, 1):
        yield "record", number, record


def _lines(start: str, text: TextIO) -> Iterator[Numbered]:
    first = start.lstrip("\n") + text.readline()
    for number, line in enumerate(itertools.chain([first], text), start.count("\n") + 1):
        if stripped := line.strip("\ufeff \t\r\n"):
            yield "line", number, _parsed(stripped)


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        return BadRecord(f"not JSON ({error.msg})")
    except (ValueError, RecursionError) as error:
        return BadRecord(f"not JSON that can be read ({error})")


def _next(reader: Iterator[list[str]]) -> list[str] | BadRecord | None:
    try:
        return next(reader, None)
    except csv.Error as error:
        return BadRecord(f"not CSV ({error})")
