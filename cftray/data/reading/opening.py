"""What a file is, by its name and its first bytes, and its text in the encoding that they show.

A name that says one thing over content that is another is refused in words: what a parser would say
of a web page called .json helps nobody.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from cftray.errors import DataError

HEAD = 512

FORMATS = {".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet"}
"""The format that a suffix says; JSON lists and JSON lines are told apart by their first character."""

EXPECTED = "expected .json, .jsonl, .csv, .tsv (each also with .gz) or .parquet"

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x04\x95", "a Python pickle"),
)
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")
POINTER = b"version https://git-lfs"


def format_of(path: Path) -> str:
    """`json`, `csv`, `tsv` or `parquet`. Raises DataError where the name or the content is something else."""
    compressed = path.suffix.lower() == ".gz"
    suffix = Path(path.stem).suffix.lower() if compressed else path.suffix.lower()
    said = FORMATS.get(suffix)
    if said is None or (compressed and said == "parquet"):
        raise DataError(f"{path.name}: a name that tells no format; {EXPECTED}")
    head = _head(path)
    found = _foreign(head)
    if said == "parquet":
        if not head.startswith(b"PAR1"):
            raise DataError(f"{path.name}: is {found or 'no Parquet file'} by its content; give it its own suffix")
    elif found is not None:
        raise DataError(f"{path.name}: is {found}, not {suffix[1:].upper()}; {_cure(head)}")
    return said


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The file's text: UTF-8, with or without its mark, or UTF-16 with its mark; unpacked where it ends in .gz.

    A byte that is not UTF-8 becomes a lone surrogate, so that the record it is in can be named. Raises
    DataError where the file breaks off or its encoding fails.
    """
    encoding = encoding_of(_head(path))
    try:
        errors = "surrogateescape" if encoding == "utf-8-sig" else "strict"
        with io.TextIOWrapper(_binary(path), encoding=encoding, errors=errors, newline="") as text:
            yield text
    except UnicodeError as error:
        raise DataError(f"{path.name}: can't be decoded as {encoding} ({error}); convert it to UTF-8") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name}: breaks off or is damaged ({error}); fetch it again") from error


def encoding_of(head: bytes) -> str:
    """By the mark at the beginning; without one UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _head(path: Path) -> bytes:
    try:
        with _binary(path) as raw:
            return raw.read(HEAD)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path.name}: is not what .gz says ({error}); rename or fetch it again") from error


def _binary(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else open(path, "rb")


def _foreign(head: bytes) -> str | None:
    """What the first bytes show that is no text of records."""
    for magic, what in MAGIC:
        if head.startswith(magic):
            return what
    start = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith(PAGES):
        return "a web page or XML"
    if start.startswith(POINTER):
        return "a Git LFS pointer"
    if encoding_of(head) == "utf-8-sig" and b"\0" in head:
        return "binary, or UTF-16 without its mark"
    return None


def _cure(head: bytes) -> str:
    if head.startswith(b"PAR1"):
        return "rename it to .parquet"
    if head.startswith(b"\x1f\x8b"):
        return "rename it to end in .gz"
    if POINTER in head:
        return "fetch the file itself (git lfs pull)"
    return "unpack, convert or fetch it again"
