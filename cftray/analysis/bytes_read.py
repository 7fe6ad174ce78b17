"""Ranges of bytes of a file, on this machine or behind a URL. Threads may read at once."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from cftray.errors import DataError, InfraError, ModelError
from cftray.store.files import file_system, is_remote, local_path, unreachable


class ByteFile(Protocol):
    """A file by its `name` in messages and its `size` in bytes."""

    @property
    def name(self) -> str:
        """The path or URL."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int, buffer: memoryview) -> memoryview:
        """As many bytes from `start` as the buffer holds, in the buffer or in memory of their own.

        Raises ModelError where the file ends before, InfraError where it can't be read.
        """


class LocalFile:
    """A file of this machine, read by position, so that no thread moves another's place."""

    def __init__(self, path: Path, until: ExitStack) -> None:
        """Stays open `until` that is closed. Raises OSError."""
        self.name = str(path)
        self._handle = os.open(path, os.O_RDONLY)
        until.callback(os.close, self._handle)
        self.size = os.fstat(self._handle).st_size

    def read(self, start: int, buffer: memoryview) -> memoryview:
        """See `ByteFile`."""
        done = 0
        while done < len(buffer):
            try:
                count = os.preadv(self._handle, [buffer[done:]], start + done)
            except OSError as error:
                raise InfraError(f"{self.name} can't be read: {error}") from error
            if not count:
                raise _ended(self.name)
            done += count
        return buffer


class RemoteFile:
    """A file of an fsspec file system; each read is a request of its own."""

    def __init__(self, system: Any, path: str, url: str, size: int) -> None:
        self.name = url
        self.size = size
        self._system, self._path = system, path

    def read(self, start: int, buffer: memoryview) -> memoryview:
        """See `ByteFile`."""
        try:
            found = memoryview(self._system.cat_file(self._path, start=start, end=start + len(buffer)))
        except Exception as error:
            raise unreachable(self.name, error) from error
        if len(found) != len(buffer):
            raise _ended(self.name)
        return found


class Place:
    """A folder of a model, or one file: on this machine or behind a URL."""

    def __init__(self, location: str) -> None:
        """Raises ModelError where no file system is known for the URL, InfraError where it can't be reached."""
        self.location = location.rstrip("/")
        self._remote: tuple[Any, str] | None = None
        if is_remote(location):
            try:
                self._remote = file_system(self.location)
            except DataError as error:
                raise ModelError(error.message) from error
            self._remote[0].invalidate_cache()

    def open(self, name: str, until: ExitStack) -> ByteFile | None:
        """The file `name` of the folder, or with an empty name the place itself; None where there is no such file."""
        if self._remote is None:
            path = local_path(self.location) / name if name else local_path(self.location)
            try:
                return LocalFile(path, until) if path.is_file() else None
            except OSError as error:
                raise InfraError(f"{path} can't be read: {error}") from error
        system, root = self._remote
        end = f"/{name}" if name else ""
        try:
            facts = system.info(f"{root}{end}")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise unreachable(f"{self.location}{end}", error) from error
        if facts["type"] != "file":
            return None
        return RemoteFile(system, f"{root}{end}", f"{self.location}{end}", int(facts["size"] or 0))


def whole(file: ByteFile) -> bytes:
    """All of a small file."""
    return bytes(file.read(0, memoryview(bytearray(file.size))))


def _ended(name: str) -> ModelError:
    return ModelError(f"{name} ended before its last tensor; it was cut short or changed while it was read")
