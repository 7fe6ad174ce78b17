"""The folder of one job attempt: its request, its events, its heartbeat, and the wish to stop.

Neither side needs the other to be up: each reads what the other left.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cftray.plan.canonical import canonical
from cftray.plan.plan import Plan
from cftray.spec import ExecutionSpec, SweepSpec
from cftray.store.atomic import write_atomic, write_exclusive
from cftray.store.events import EventLog, EventWriter


class JobRequest(BaseModel):
    """What a job is asked to do. The plan is complete: every fingerprint is known. Of a sweep, `sweep` says how its
    plan's trials are judged, stopped and run beside each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    experiment: str
    attempt: int
    execution: ExecutionSpec
    plan: Plan
    sweep: SweepSpec | None = None


class JobFolder:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def stop(self) -> Path:
        """Exists once the job has been asked to stop."""
        return self.folder / "stop"

    def write_request(self, request: JobRequest) -> None:
        """Written before the job is submitted; the first writer's stays."""
        write_exclusive(self.folder / "request.json", canonical(request) + "\n")

    def request(self) -> JobRequest:
        """What was asked. Raises FileNotFoundError."""
        return JobRequest.model_validate_json((self.folder / "request.json").read_text(encoding="utf-8"))

    def ask_to_stop(self, reason: str) -> None:
        """Ask the job to stop at its next step; asking twice is asking once."""
        write_exclusive(self.stop, reason + "\n")

    def writer(self) -> EventWriter:
        """The one writer of this attempt's events."""
        return EventWriter(self.folder / "events.jsonl")

    def events(self) -> EventLog:
        """This attempt's events."""
        return EventLog(self.folder / "events.jsonl")

    def trial(self, number: int) -> Path:
        """The events of one trial of a sweep, which its process writes and the job takes in."""
        return self.folder / "trials" / f"{number}.jsonl"

    def beat(self) -> None:
        """Show that the job lives."""
        path = self.folder / "heartbeat"
        if path.exists():
            os.utime(path)
        else:
            write_atomic(path, "")

    def heartbeat_age(self) -> float | None:
        """Seconds since the job last showed that it lives; None before the first time."""
        try:
            return time.time() - (self.folder / "heartbeat").stat().st_mtime
        except FileNotFoundError:
            return None
