"""Records of text files, one at a time, each with its number: a line, or a place in a list.

What can't be read comes as a BadRecord in the record's place, for the reader's rules to judge. Only a
JSON list is held whole.
"""

from __future__ import annotations

import collections
import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from cftray.data.adapters import BadRecord, half_a_character
from cftray.data.reading.opening import format_of, opened
from cftray.errors import DataError

Numbered = tuple[str, int, Any]
"""(`line`, `record` or `row`, its number from 1, the record or a BadRecord)"""

Format = Callable[[Path], Iterator[Numbered]]
Formats = Mapping[str, Format]

SEPARATORS = {
    "\t": "tabs; give it the suffix .tsv",
    ";": "semicolons; write it with commas",
    ",": "commas; give it the suffix .csv",
}
"""What may stand between cells in place of what the suffix says, and what to do about it."""


def records_of(path: Path, formats: Formats) -> Iterator[Numbered]:
    """All records of a file. Raises DataError where the file as a whole can't be read."""
    return formats[format_of(path)](path)


def _json(path: Path) -> Iterator[Numbered]:
    with opened(path) as text:
        start = _first(text)
        yield from _listed(path, start + text.read()) if start.endswith("[") else _lines(path, start, text)


def _separated(path: Path, delimiter: str) -> Iterator[Numbered]:
    """Rows under a line of names; the number is the line that a row ends in."""
    csv.field_size_limit(sys.maxsize)
    with opened(path) as text:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        while (head := _next(path, reader)) == []:
            pass
        names = _names(path, head, delimiter)
        while (cells := _next(path, reader)) is not None:
            if isinstance(cells, BadRecord):
                yield "line", reader.line_num, cells
            elif len(cells) == len(names):
                yield "line", reader.line_num, dict(zip(names, cells, strict=True))
            elif cells:
                wrong = BadRecord(f"has {len(cells)} cells, the first line names {len(names)} columns")
                yield "line", reader.line_num, wrong


def _names(path: Path, names: list[str] | BadRecord | None, delimiter: str) -> list[str]:
    """Names of columns. Raises DataError where the first line can't be one of names."""
    if isinstance(names, BadRecord) or not names:
        raise DataError(f"{path.name}: {names or 'is empty'}; expected a first line with the columns' names")
    if names[0].lstrip().startswith(("{", "[{")) or names == ["["]:
        raise DataError(f"{path.name}: is JSON by its first line; give it the suffix .jsonl or .json")
    other = next((one for one in SEPARATORS if one in names[0] and one != delimiter), None)
    if len(names) == 1 and other is not None:
        raise DataError(f"{path.name}: its first line is separated by {SEPARATORS[other]}")
    twice = [one for one, count in collections.Counter(names).items() if count > 1 and one]
    if twice:
        raise DataError(f"{path.name}: its first line names {', '.join(twice)} more than once; rename the columns")
    for character in itertools.chain.from_iterable(names):
        if "\ud800" <= character <= "\udfff":
            raise DataError(f"{path.name}: its first line has {half_a_character(character)}; convert the file")
    return names


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
        raise DataError(
            f"{path.name}, line {error.lineno}, character {error.colno}: not JSON ({error.msg}); mend or remove it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path.name}: not JSON that can be read ({error}); mend it") from error
    for number, record in enumerate(records, 1):
        yield "record", number, record


def _lines(path: Path, start: str, text: TextIO) -> Iterator[Numbered]:
    first = start.lstrip("\n") + text.readline()
    if first.strip() == "{":
        raise DataError(
            f"{path.name}: is one JSON object over several lines; expected a list of records, or a record a line. "
            "If it holds the list, take it out; if it describes the others, name those (data/*.jsonl)"
        )
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


def _next(path: Path, reader: Any) -> list[str] | BadRecord | None:
    """The cells of the next row. Raises DataError where a quote that is not closed swallows the lines behind it:
    as one bad line they would pass for little."""
    first = reader.line_num + 1
    try:
        cells: list[str] | None = next(reader, None)
    except csv.Error as error:
        if reader.line_num > first or "end of data" in str(error):
            raise DataError(
                f"{path.name}, line {first}: a quote opens that is not closed rightly up to line {reader.line_num} "
                f"({error}); mend it, a quote inside a cell is written twice"
            ) from error
        return BadRecord(f"not CSV ({error})")
    return cells
