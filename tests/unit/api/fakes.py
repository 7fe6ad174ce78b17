"""Ray's job API in memory, and a hand to play the job that it would run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from api.ray_jobs import JobState, RayStatus, RayUnreachable, Submission
from cftray.store import EventWriter, Failure, JobFolder, Store
from cftray.store.events import EventKind


class FakeJobs:
    """`Jobs` in memory. A job runs until somebody says otherwise; `reachable` False: Ray is away."""

    def __init__(self) -> None:
        self.reachable = True
        self.stops_at_once = True
        self.submissions: dict[str, Submission] = {}
        self.states: dict[str, JobState] = {}
        self.outputs: dict[str, str] = {}

    def submit(self, submission: Submission) -> bool:
        self._answer()
        if submission.submission_id in self.submissions:
            return False
        self.submissions[submission.submission_id] = submission
        self.states[submission.submission_id] = JobState(status=RayStatus.RUNNING)
        self.outputs[submission.submission_id] = "the driver starts\n"
        return True

    def state(self, submission_id: str) -> JobState:
        self._answer()
        return self.states.get(submission_id, JobState(status=RayStatus.MISSING))

    def logs(self, submission_id: str) -> str | None:
        self._answer()
        return self.outputs.get(submission_id)

    def stop(self, submission_id: str) -> None:
        self._answer()
        if self.stops_at_once and submission_id in self.states:
            self.states[submission_id] = JobState(status=RayStatus.STOPPED)

    def version(self) -> str:
        self._answer()
        return "0"

    def end(self, submission_id: str, status: RayStatus, message: str = "") -> None:
        """What Ray says from now on."""
        self.states[submission_id] = JobState(status=status, message=message)

    def forget(self) -> None:
        """A new head that knows nothing of before."""
        self.submissions.clear()
        self.states.clear()
        self.outputs.clear()

    def _answer(self) -> None:
        if not self.reachable:
            raise RayUnreachable("Ray at http://ray:8265 can't be reached; see that it runs")


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class PlayedJob:
    """Writes what a job would: its events and its heartbeat."""

    def __init__(self, store: Store, experiment: str, attempt: int = 1) -> None:
        self.folder: JobFolder = store.job(experiment, attempt)
        self.writer: EventWriter = self.folder.writer()

    @property
    def stages(self) -> list[str]:
        return [node.name for node in self.folder.request().plan.stages]

    def start(self) -> None:
        self.folder.beat()
        self.writer.write(EventKind.JOB_STARTED, process=1)

    def stage(self, kind: EventKind, name: str, **data: Any) -> None:
        self.writer.write(kind, name, None, **data)

    def finish(self, outcome: str, failure: Failure | None = None) -> None:
        told = failure.model_dump(mode="json") if failure else None
        self.writer.write(EventKind.JOB_FINISHED, outcome=outcome, failure=told)

    def run_all(self) -> None:
        """A whole life in which everything goes well."""
        self.start()
        for name in self.stages:
            self.stage(EventKind.STAGE_STARTED, name)
            self.stage(EventKind.STAGE_RECORDED, name, seconds=1.0, metrics={})
        self.finish("succeeded")

    def fall_silent(self) -> None:
        """Its heart stopped beating an hour ago."""
        import os
        import time

        self.folder.beat()
        then = time.time() - 3600
        os.utime(self.folder.folder / "heartbeat", (then, then))
