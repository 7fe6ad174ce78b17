"""What a reading of small data sets shows while the request waits: faults of records, of draws, of alignment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cftray.data.reading.opening import format_of
from cftray.data.reading.reader import Reader
from cftray.data.reading.records import TEXT
from cftray.data.reading.sampling import drawn
from cftray.data.rows import Row
from cftray.errors import CFTRayError, DataError, Fault
from cftray.plan import Leaf, LeafKind, RowsSource
from cftray.spec.data import Alignment, EnglishCounterpart, EnglishHubSet
from cftray.store import is_remote, locate_files

English = EnglishCounterpart | EnglishHubSet

READ_WHOLE_BYTES = 16 << 20
"""Data up to this size are read whole while the request waits; faults of larger ones are the stage's."""


class Reading(NamedTuple):
    """Rows of a set, and of how many records they are."""

    rows: Sequence[Row]
    records: int


def read_rows(path: str, leaf: Leaf, source: RowsSource, least: int = 0) -> tuple[Reading | None, Fault | None]:
    """A set's rows, of which `least` are needed, and what is wrong. What only a worker can tell is left to it."""
    try:
        found = _read(leaf, source)
    except (CFTRayError, OSError) as error:
        return None, as_fault(f"{path}.path", leaf.location, error)
    if found is None:
        return None, None
    return found, _draw_fault(path, source, [row.language for row in found.rows], least)


def alignment_fault(path: str, english: English, own: Reading | None, other: Reading | None) -> Fault | None:
    """Whether a set and its English counterpart can't belong together; the stage that draws the replay would find it
    after phase 1. None where one of them was not read."""
    if english.alignment is Alignment.NONE or own is None or other is None:
        return None
    place, given = f"{path}.english.alignment", str(english.alignment)
    if english.alignment is Alignment.LINE and own.records != other.records:
        expected = f"as many records in both: the set has {own.records}, its counterpart {other.records}"
        return Fault(path=place, given=given, expected=f"{expected}; or alignment: id, or none")
    if not {row.english_id for row in own.rows} & {row.id for row in other.rows}:
        expected = f"the same values of {english.key} in both: none of {len(own.rows)} rows has its counterpart"
        return Fault(path=place, given=given, expected=f"{expected} among {len(other.rows)}; or alignment: none")
    return None


def as_fault(path: str, given: str, error: Exception) -> Fault:
    """An error as a fault of the spec's field at `path`."""
    message = error.message if isinstance(error, CFTRayError) else str(error)
    return Fault(path=path, given=given[:80], expected=message)


def _read(leaf: Leaf, source: RowsSource) -> Reading | None:
    """None where the set is large, lies elsewhere, or is in a format that only a worker reads."""
    if leaf.kind is not LeafKind.FILES or is_remote(leaf.location):
        return None
    files = locate_files(leaf.location)
    large = sum(file.stat().st_size for file in files) > READ_WHOLE_BYTES
    if any(format_of(file) not in TEXT for file in files) or large:
        return None
    reader = Reader(source)
    rows = list(reader.rows(files))
    return Reading(rows=rows, records=reader.tally.records)


def _draw_fault(path: str, source: RowsSource, languages: list[str], least: int) -> Fault | None:
    if source.languages is not None and source.languages.by == "detection":
        return None
    try:
        count = len(drawn(source, languages))
    except DataError as error:
        shares = ", ".join(f"{one.language}: {one.share:g}" for one in source.proportions)
        field, given = ("proportions", shares) if shares else ("samples", str(source.samples))
        return as_fault(f"{path}.{field}", given, error)
    if count < least:
        return Fault(path=path, given=f"{count} rows", expected=f"{least} or more, as many as are compared (samples)")
    return None
