"""The cluster as one look at all experiments sees it: once unreachable, not asked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from api.ray_jobs import Jobs, JobState, RayUnreachable, Submission

Answer = TypeVar("Answer")


class OneLook:
    """`Jobs` for the time of one step. A hundred experiments don't wait for a hundred timeouts."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self._down: RayUnreachable | None = None

    def submit(self, submission: Submission) -> bool:
        """See Jobs."""
        return self._ask(lambda: self.jobs.submit(submission))

    def state(self, submission_id: str) -> JobState:
        """See Jobs."""
        return self._ask(lambda: self.jobs.state(submission_id))

    def logs(self, submission_id: str) -> str | None:
        """See Jobs."""
        return self._ask(lambda: self.jobs.logs(submission_id))

    def stop(self, submission_id: str) -> None:
        """See Jobs."""
        self._ask(lambda: self.jobs.stop(submission_id))

    def version(self) -> str:
        """See Jobs."""
        return self._ask(self.jobs.version)

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        if self._down is not None:
            raise self._down
        try:
            return question()
        except RayUnreachable as error:
            self._down = error
            raise
