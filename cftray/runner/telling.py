"""What workers and their driver tell each other by files, whatever becomes of an exception in between.

A worker leaves its failure in the folder of its pool, group or call, where the driver finds it (decision
0003). The other way, the driver leaves there that a pool is over: actors of a pool that failed have outlived
it and held its room, and they end themselves by this.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

from cftray import errors
from cftray.errors import CFTRayError, OutOfMemory

STARTED = "started"
"""A file in the attempt's folder: its workers have their room and run."""
OVER = "over"
"""A file in a pool's folder: whoever still runs for it may end."""
LOOK_S = 0.5


def tell_start(request: Mapping[str, Any]) -> None:
    """Called by a worker that has its room."""
    if "folder" in request:
        (Path(request["folder"]) / STARTED).touch()


@contextlib.contextmanager
def telling(failures: Path, rank: int) -> Iterator[None]:
    """Leaves what is raised within, if it is a failure of ours or of the accelerator's memory."""
    try:
        yield
    except CFTRayError as error:
        _tell(failures, rank, type(error).__name__, error.message)
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":
            _tell(failures, rank, OutOfMemory.__name__, f"a worker ran out of accelerator memory: {error}")
        raise


def told(failures: Path) -> CFTRayError | None:
    """The first failure that a worker left, as the error it was."""
    for path in sorted(failures.glob("*.json")):
        left = json.loads(path.read_text(encoding="utf-8"))
        kind = getattr(errors, left["error"], None)
        if isinstance(kind, type) and issubclass(kind, CFTRayError) and kind is not errors.SpecRefused:
            return kind(left["message"])
    return None


@contextlib.contextmanager
def ended(failures: Path) -> Iterator[None]:
    """Tells a pool's actors that it is over, however what is within ends."""
    try:
        yield
    finally:
        (failures / OVER).touch()


def end_when_over(failures: Path) -> None:
    """From now on this process looks whether its pool is over, and then ends, its children first.

    It looks from a thread, so whatever it is at; answers are written whole or not at all.
    """
    threading.Thread(target=_end, args=(failures / OVER,), name="pool-over", daemon=True).start()


def _end(over: Path) -> None:
    while not over.exists():
        time.sleep(LOOK_S)
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)


def _tell(failures: Path, rank: int, name: str, message: str) -> None:
    (failures / f"{rank}.json").write_text(json.dumps({"error": name, "message": message}), encoding="utf-8")
