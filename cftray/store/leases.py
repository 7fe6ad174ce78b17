"""Fenced leases: at most one live holder of a stage, and a number that only grows.

Lease files are numbered and created exclusively; the highest number is the holder. A holder shows
that it lives by touching its file. It is thought dead when its process is gone (same host) or when
its file has not changed for `TTL_S` on the waiter's own clock, so clocks of two hosts are never
compared. A dead holder that wakes up finds a higher number and must stop; whatever it wrote lies in
its own attempt's folder and harms nobody.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psutil
from pydantic import BaseModel, ConfigDict

from cftray.errors import LeaseLost
from cftray.plan.canonical import canonical
from cftray.store.atomic import write_exclusive
from cftray.store.records import Failure

HEARTBEAT_S = 2.0
TTL_S = 20.0


class Holder(BaseModel):
    """Who holds a lease; `process_started` tells a process from a later one with the same id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    attempt: int
    host: str
    process: int
    process_started: float

    @classmethod
    def here(cls, experiment: str, attempt: int) -> Holder:
        """This process as a holder."""
        me = psutil.Process()
        return cls(
            experiment=experiment,
            attempt=attempt,
            host=socket.gethostname(),
            process=me.pid,
            process_started=me.create_time(),
        )

    def gone(self) -> bool:
        """Whether this holder's process surely ended; False for a process of another host."""
        if self.host != socket.gethostname():
            return False
        try:
            return abs(psutil.Process(self.process).create_time() - self.process_started) > 1
        except psutil.NoSuchProcess:
            return True


class End(BaseModel):
    """How a lease ended: `failure` is null after success, cancellation or hand-over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failure: Failure | None = None


class Lease(Protocol):
    """A lease that is held."""

    token: int

    def check(self) -> None:
        """Raises LeaseLost when a later holder exists."""

    def release(self, failure: Failure | None = None) -> None:
        """End it; a failure of class user or data is inherited by those who wait."""


class Leases(Protocol):
    """The leases of one stage."""

    def acquire(self, holder: Holder) -> Lease | None:
        """A lease with a higher token than any before, or None while another lives."""

    def holder(self) -> tuple[int, Holder] | None:
        """Token and holder of the newest lease, ended or not."""

    def end(self, token: int) -> End | None:
        """How that lease ended, or None."""

    def tokens(self) -> list[int]:
        """Every token so far, oldest first."""


class FileLeases:
    """Leases as files of a folder on a shared file system. Keep one instance while waiting: it
    remembers when it last saw a heartbeat."""

    def __init__(self, folder: Path, ttl: float = TTL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self.ttl = ttl
        self.clock = clock
        self._seen: tuple[int, int, float] | None = None

    def acquire(self, holder: Holder) -> FileLease | None:
        """See Leases."""
        newest = self.holder()
        token = 1
        if newest is not None:
            token = newest[0] + 1
            if self.end(newest[0]) is None and self._lives(*newest):
                return None
        path = self.folder / f"{token}.json"
        if not write_exclusive(path, canonical(holder) + "\n"):
            return None
        return FileLease(self, token)

    def holder(self) -> tuple[int, Holder] | None:
        """See Leases."""
        tokens = self.tokens()
        if not tokens:
            return None
        text = (self.folder / f"{tokens[-1]}.json").read_text(encoding="utf-8")
        return tokens[-1], Holder.model_validate_json(text)

    def end(self, token: int) -> End | None:
        """See Leases."""
        try:
            return End.model_validate_json((self.folder / f"{token}.ended").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def tokens(self) -> list[int]:
        """See Leases."""
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.json"))

    def _lives(self, token: int, holder: Holder) -> bool:
        if holder.gone():
            return False
        beat = (self.folder / f"{token}.json").stat().st_mtime_ns
        now = self.clock()
        if self._seen is None or self._seen[:2] != (token, beat):
            self._seen = (token, beat, now)
        return now - self._seen[2] < self.ttl


class FileLease:
    """A held lease; a thread touches its file until it is released."""

    def __init__(self, leases: FileLeases, token: int) -> None:
        self.leases = leases
        self.token = token
        self._path = leases.folder / f"{token}.json"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{token}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """See Lease."""
        if self.leases.tokens()[-1] != self.token:
            raise LeaseLost(f"lease {self.token} of {self.leases.folder.parent.name[:12]} was taken over")

    def release(self, failure: Failure | None = None) -> None:
        """See Lease."""
        self._ended.set()
        write_exclusive(self.leases.folder / f"{self.token}.ended", canonical(End(failure=failure)) + "\n")

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            os.utime(self._path)
