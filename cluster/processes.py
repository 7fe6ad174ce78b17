"""Child processes: started in sessions of their own, and stopped with all that came from them.

A process is known by its number and the time it was made, so that a number used again is never
mistaken for ours. What belongs to a child is found in three ways, for each has a hole: descendants
(lost when a parent dies), its session (left by a process that starts its own; trusted only while its
first process lives) and a mark in the environment, which descendants inherit (some programs overwrite
it when they set their title).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

MARK = "CFTRAY_STACK"
"""Environment variable that names the stack a process belongs to."""

SAME_TIME_S = 2.0
"""How far two readings of one process's creation time may differ when the clock is set meanwhile."""

KILL_WAIT_S = 10.0


class ProcessId(BaseModel):
    """A process that can be recognised later: number and time of creation (seconds since 1970)."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float

    @classmethod
    def of(cls, process: psutil.Process) -> ProcessId:
        """Raises psutil.NoSuchProcess."""
        return cls(pid=process.pid, created=process.create_time())

    def find(self) -> psutil.Process | None:
        """The process while it lives; None when it is gone or its number is another's."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return process if abs(process.create_time() - self.created) < SAME_TIME_S else None
        except psutil.Error:
            return None


@dataclass(frozen=True, slots=True)
class Child:
    """A started child: `popen` for its exit code, `id` to find it again from elsewhere."""

    popen: subprocess.Popen[bytes]
    id: ProcessId


def start(command: Sequence[str], *, env: Mapping[str, str], log: Path, folder: Path) -> Child:
    """Start `command` in a session of its own, with its output in `log` and nothing to read from."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        popen = subprocess.Popen(
            command,
            env=dict(env),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        created = psutil.Process(popen.pid).create_time()
    except psutil.NoSuchProcess:
        created = time.time()
    return Child(popen, ProcessId(pid=popen.pid, created=created))


def family(roots: Iterable[ProcessId], mark: str) -> list[ProcessId]:
    """Every living process that came from `roots` or carries `mark`, the caller and its parents apart."""
    sessions: set[int] = set()
    found: dict[int, psutil.Process] = {}
    for root in roots:
        process = root.find()
        if process is not None:
            sessions.add(process.pid)
            found[process.pid] = process
            with suppress(psutil.Error):
                found |= {child.pid: child for child in process.children(recursive=True)}
    for process in psutil.process_iter():
        if process.pid not in found and (_in_session(process, sessions) or _carries(process, mark)):
            found[process.pid] = process
    spared = {os.getpid(), *_ancestors()}
    return [one for pid, process in found.items() if pid not in spared and (one := _identify(process))]


def stop(roots: Sequence[ProcessId], mark: str, *, grace_s: float) -> list[ProcessId]:
    """End `roots` politely, then whatever is left of their family for good. Gives what outlived that.

    `roots` get SIGTERM and `grace_s` seconds together; they are expected to end their own children.
    """
    members = set(family(roots, mark))
    ask(roots, grace_s=grace_s)
    members |= set(family(roots, mark))
    deadline = time.monotonic() + KILL_WAIT_S
    while left := [one for one in members if one.find()]:
        if time.monotonic() > deadline:
            return left
        for one in left:
            _send(one, signal.SIGKILL)
        _await_end(left, 1.0)
        members |= set(family(roots, mark))
    return []


def ask(roots: Sequence[ProcessId], *, grace_s: float) -> None:
    """SIGTERM to `roots`, and `grace_s` seconds for all of them together to end."""
    for root in roots:
        _send(root, signal.SIGTERM)
    _await_end(roots, grace_s)


def tail(log: Path, lines: int = 20) -> list[str]:
    """The last lines of a log, or none where there is no log."""
    with suppress(OSError):
        return log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    return []


def _await_end(processes: Iterable[ProcessId], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    waiting = list(processes)
    while waiting and time.monotonic() < deadline:
        _reap(waiting)
        waiting = [one for one in waiting if one.find()]
        if waiting:
            time.sleep(0.05)


def _reap(processes: Iterable[ProcessId]) -> None:
    """Collect the exit codes of our own children, which stay zombies until somebody asks."""
    for one in processes:
        with suppress(ChildProcessError, OSError):
            os.waitpid(one.pid, os.WNOHANG)


def _send(target: ProcessId, number: signal.Signals) -> None:
    process = target.find()
    if process is not None:
        with suppress(psutil.Error):
            process.send_signal(number)


def _in_session(process: psutil.Process, sessions: set[int]) -> bool:
    try:
        return os.getsid(process.pid) in sessions
    except OSError:
        return False


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except (OSError, psutil.Error):
        return False


def _ancestors() -> Iterator[int]:
    with suppress(psutil.Error):
        yield from (parent.pid for parent in psutil.Process().parents())


def _identify(process: psutil.Process) -> ProcessId | None:
    try:
        return ProcessId.of(process) if process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
