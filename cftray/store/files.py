"""Files of data, wherever they lie: a path, a glob pattern, a folder, or a URL that fsspec understands.

Of a folder those files count whose suffix is a format's, in the order of their paths. `file://` is a
path like any other; other URLs are listed and opened by fsspec and copied before they are read.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

from cftray.errors import DataError, InfraError
from cftray.plan.canonical import sha256_of

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")
"""Suffixes of data, the text ones also with .gz behind them."""

LOCAL = ("file", "local")

SPLITS = ("train", "validation", "valid", "val", "dev", "test", "eval")
"""Names of folders that hold one split of a set; the hub's Parquet layout has them below the language's folder."""

File = TypeVar("File")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file. `state` changes when the file does, as far as its file system tells."""

    path: PurePosixPath
    size: int
    state: str
    open: Callable[[], IO[bytes]]


def is_remote(location: str) -> bool:
    """Whether a location is a URL of another file system than this machine's."""
    scheme, separator, _ = location.partition("://")
    return bool(separator) and scheme.isalnum() and scheme not in LOCAL


def local_path(location: str) -> Path:
    """The path of a location that is not remote; it may be a pattern."""
    scheme, separator, rest = location.partition("://")
    return Path(rest if separator and scheme in LOCAL else location).expanduser()


def locate_files(location: str) -> list[Path]:
    """The local files of a path, pattern, folder or file:// URL, sorted. Raises DataError where there are none."""
    path = local_path(location)
    if path.is_dir():
        found = sorted(one for one in path.rglob("*") if _counts(PurePosixPath(one.relative_to(path).as_posix())))
    else:
        found = sorted(Path(one) for one in glob.glob(str(path), recursive=True))
    return _some(location, [one for one in found if one.is_file()])


def data_files(location: str) -> list[DataFile]:
    """The files of any location. Raises DataError where there are none, InfraError where it can't be reached."""
    if is_remote(location):
        return _remote(location)
    return [local_file(path) for path in locate_files(location)]


def local_file(path: Path) -> DataFile:
    """A file of this machine."""
    stat = path.stat()
    return DataFile(
        path=PurePosixPath(path.as_posix()),
        size=stat.st_size,
        state=str(stat.st_mtime_ns),
        open=lambda: open(path, "rb"),
    )


def file_system(location: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it. Raises DataError where there is none such."""
    import fsspec

    scheme = location.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(location)
    except ImportError as error:
        raise DataError(f"{location}: reading {scheme}:// needs another package ({error})") from error
    except ValueError as error:
        raise DataError(f"{location}: no file system is known as {scheme}:// ({error})") from error
    except Exception as error:  # file systems ask for arguments of their own, and say so in their own ways
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(f"{location}: {scheme}:// can't be read by a URL alone ({reason})") from error
    return system, str(path)


def unreachable(location: str, error: Exception) -> InfraError:
    """What a file system raised, in words."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return InfraError(f"{location}: can't be reached ({reason})")


def _remote(location: str) -> list[DataFile]:
    if "::" in location:
        raise DataError(f"{location}: chained URLs are not read; expected one such as s3://bucket/rows.jsonl")
    system, path = file_system(location)
    try:
        system.invalidate_cache()
        return _some(location, [_remote_file(system, one) for one in _listed(system, path)])
    except FileNotFoundError as error:
        raise DataError(_absent(location)) from error
    except (DataError, InfraError):
        raise
    except Exception as error:
        raise unreachable(location, error) from error


def _listed(system: Any, path: str) -> list[str]:
    if glob.has_magic(path):
        return sorted(one for one in system.glob(path) if not system.isdir(one))
    if system.isdir(path):
        found = sorted(system.find(path))
        return [one for one in found if _counts(PurePosixPath(one[len(path) :].lstrip("/")))]
    return [path]


def _remote_file(system: Any, path: str) -> DataFile:
    info = system.info(path)
    return DataFile(
        path=PurePosixPath(path),
        size=int(info.get("size") or 0),
        state=sha256_of({str(name): str(value) for name, value in info.items()}),
        open=lambda: system.open(path, "rb"),
    )


def suffix_of(path: PurePosixPath) -> str:
    """`.jsonl`, `.jsonl.gz`: what of a name says how to read the file."""
    name = path.name.lower()
    packed = ".gz" if name.endswith(".gz") else ""
    return PurePosixPath(name.removesuffix(".gz")).suffix + packed


def telling_name(path: PurePosixPath) -> str:
    """As much of a path as can tell a language: `de/part-1.jsonl`; below a split's folder, `de/train/0000.parquet`."""
    deeper = path.parent.name.lower().removeprefix("partial-") in SPLITS
    return "/".join(path.parts[-3 if deeper else -2 :])


def _counts(path: PurePosixPath) -> bool:
    """Whether a folder's file is data: not hidden, and of a known suffix."""
    return suffix_of(path).removesuffix(".gz") in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _some(location: str, files: list[File]) -> list[File]:
    if not files:
        raise DataError(_absent(location))
    return files


def _absent(location: str) -> str:
    return f"{location}: no such file; expected a file of {', '.join(SUFFIXES)}, a pattern or folder with some"
