"""A job's driver log: from Ray while the job lives, from its folder in the store afterwards."""

from __future__ import annotations

from pathlib import Path

from api.ray_jobs import Jobs
from cftray.store import Store
from cftray.store.atomic import write_atomic

NAME = "driver.log"


class JobLogs:
    """Logs by experiment and attempt."""

    def __init__(self, store: Store, jobs: Jobs) -> None:
        self.store = store
        self.jobs = jobs

    def kept(self, experiment: str, attempt: int) -> str | None:
        """The copy in the store; None while there is none."""
        try:
            return self._path(experiment, attempt).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def live(self, submission_id: str) -> str | None:
        """What the driver has written so far, from Ray; None where Ray has no such job."""
        return self.jobs.logs(submission_id)

    def keep(self, experiment: str, attempt: int, text: str) -> None:
        """Copy a log to the store, so that it outlives Ray."""
        write_atomic(self._path(experiment, attempt), text.encode("utf-8", "replace").decode("utf-8"))

    def _path(self, experiment: str, attempt: int) -> Path:
        return self.store.job(experiment, attempt).folder / NAME
