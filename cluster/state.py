"""What is known of a stack from one command to the next: `state.json`, and a lock while it changes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from cftray.store.atomic import write_atomic
from cluster.errors import Busy
from cluster.processes import ProcessId


class Part(BaseModel):
    """One running part: its first process, its address, and the file with its output."""

    model_config = ConfigDict(frozen=True)

    name: str
    process: ProcessId
    url: str
    log: Path


class State(BaseModel):
    """`ready` is false from the first child's start until all parts answer."""

    model_config = ConfigDict(frozen=True)

    ready: bool
    parts: tuple[Part, ...]

    def url(self, name: str) -> str:
        """The address of a part."""
        return next(part.url for part in self.parts if part.name == name)

    @property
    def roots(self) -> list[ProcessId]:
        """The parts' first processes."""
        return [part.process for part in self.parts]

    @property
    def living(self) -> list[str]:
        """Names of the parts whose first process lives."""
        return [part.name for part in self.parts if part.process.find()]


def read(home: Path) -> State | None:
    """The state that the last command left, or None where there is none that can be read."""
    try:
        return State.model_validate_json((home / "state.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write(home: Path, state: State) -> None:
    """Replace the state."""
    write_atomic(home / "state.json", state.model_dump_json(indent=1) + "\n")


def clear(home: Path) -> None:
    """There is no stack any more."""
    (home / "state.json").unlink(missing_ok=True)


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Nobody else brings this stack up or down meanwhile; the system lets go when the holder dies.

    Raises Busy at once where somebody does.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(home / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            by = file.read().strip()
            raise Busy(
                f"{home}: another command is bringing this stack up or down"
                f"{f' (process {by})' if by else ''}; wait for it, or end it"
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
