"""Numbered events of one job attempt: how a job tells of its progress.

Lines of JSON in one file, numbered from 1, one writer. The control plane takes them in by
(attempt, number), so a line read twice counts once and none is missed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from cftray.plan.canonical import canonical


class EventKind(StrEnum):
    """What happened."""

    JOB_STARTED = "job.started"
    JOB_FINISHED = "job.finished"
    STAGE_WAITING = "stage.waiting"
    STAGE_STARTED = "stage.started"
    STAGE_PROGRESS = "stage.progress"
    STAGE_NOTE = "stage.note"
    STAGE_RECORDED = "stage.recorded"
    STAGE_CACHED = "stage.cached"
    STAGE_SKIPPED = "stage.skipped"
    STAGE_FAILED = "stage.failed"
    TRIAL_SCORED = "trial.scored"
    TRIAL_ENDED = "trial.ended"


class Event(BaseModel):
    """One event. `stage` is a name in the plan; `at` is UTC, ISO 8601."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    at: str
    kind: EventKind
    stage: str | None = None
    fingerprint: str | None = None
    data: dict[str, Any] = {}


class EventWriter:
    """Appends events; continues the numbering of a file that exists. Safe to share by threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - open as long as the job runs
        self._number = sum(1 for _ in EventLog(path).after(0))
        self._lock = threading.Lock()

    def write(
        self, kind: EventKind, stage: str | None = None, fingerprint: str | None = None, **data: Any
    ) -> None:
        """Append one event and flush it."""
        with self._lock:
            self._number += 1
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            event = Event(number=self._number, at=at, kind=kind, stage=stage, fingerprint=fingerprint, data=data)
            self._file.write(canonical(event) + "\n")
            self._file.flush()


class EventLog:
    """Reads events while they are being written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def after(self, number: int) -> Iterator[Event]:
        """Events with a higher number; a last line that is not whole yet is left for later."""
        try:
            file = open(self.path, encoding="utf-8")  # noqa: SIM115 - closed below
        except FileNotFoundError:
            return
        with file:
            for index, line in enumerate(file, 1):
                if not line.endswith("\n"):
                    return
                if index > number:
                    yield Event.model_validate_json(line)
