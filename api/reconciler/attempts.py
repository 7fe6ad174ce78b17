"""One live attempt: submit it, watch it, stop it, and say how it ended.

The job's own `job.finished` decides. Ray's status is a hint: a job is called lost only when Ray says
that it ended, or nothing, and its heartbeat has stopped; or when it was silent for very long.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.database import Database
from api.experiments.kinds import spec_of
from api.experiments.lifecycle import end_attempt, finish, requeue, wait_for
from api.experiments.repository import ExperimentRepository
from api.experiments.states import Happening, Outcome, State
from api.ray_jobs import Jobs, JobState, RayRefused, RayStatus, RayUnreachable, Submission
from api.reconciler.failures import job_lost, unreadable_events, with_log_tail
from api.reconciler.ingest import Ingest, UnreadableEvents
from api.settings import Settings
from api.tables import AttemptRow, ExperimentRow
from cftray.plan import Plan
from cftray.spec import SweepSpec
from cftray.store import Failure, JobFolder, JobRequest, Store

log = logging.getLogger("cftray.reconciler")

STOP_AGAIN_S = 5.0
"""Ray may answer a stop and not stop a pending job (ray-project/ray#58353): asked again until it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What is known of a live attempt when a look at it begins."""

    experiment: ExperimentRow
    attempt: AttemptRow
    folder: JobFolder

    @property
    def cancelling(self) -> bool:
        """Whether its end is wished for."""
        return self.experiment.state == State.CANCELLING


class Attempts:
    """See the module."""

    def __init__(self, database: Database, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.store = store
        self.settings = settings
        self.clock = clock
        self.ingest = Ingest(database, store)

    def advance(self, identifier: str, number: int, jobs: Jobs) -> None:
        """One look at one live attempt. Raises RayUnreachable or RayRefused; nothing is lost by it."""
        live = self._live(identifier, number)
        if live is None:
            return
        if live.attempt.submitted_at is None and not live.cancelling:
            self._submit(live, jobs)
        try:
            self._follow(live, jobs)
        except UnreadableEvents as error:
            log.exception("%s: its events can't be read", identifier)
            self._end(live, Outcome.FAILED, unreadable_events(error), jobs)

    def _live(self, identifier: str, number: int) -> Live | None:
        with self.database.read() as session:
            experiment = ExperimentRepository(session).get(identifier)
            attempt = session.get(AttemptRow, (identifier, number))
        if experiment is None or attempt is None or attempt.ended_at is not None:
            return None
        return Live(experiment=experiment, attempt=attempt, folder=self.store.job(identifier, number))

    def _submit(self, live: Live, jobs: Jobs) -> None:
        """Submitting twice is refused by Ray, so a death between submitting and writing it down is harmless."""
        identifier, number = live.experiment.id, live.attempt.number
        if live.folder.heartbeat_age() is None:
            spec = spec_of(live.experiment)
            plan = Plan.model_validate_json(live.experiment.plan)
            request = JobRequest(
                experiment=identifier,
                attempt=number,
                execution=spec.execution,
                plan=plan,
                sweep=spec if isinstance(spec, SweepSpec) else None,
            )
            live.folder.write_request(request)
            jobs.submit(self._submission(live))
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(identifier, lock=True)
            attempt = session.get(AttemptRow, (identifier, number), populate_existing=True)
            if row is None or attempt is None:
                return
            now = self.clock()
            attempt.submitted_at = live.attempt.submitted_at = now
            job = {"ray_job": attempt.submission_id}
            repository.append(row, Happening.ATTEMPT_SUBMITTED, now, attempt=number, data=job)
            wait_for(repository, row, None, now)

    def _submission(self, live: Live) -> Submission:
        settings, identifier, number = self.settings, live.experiment.id, live.attempt.number
        command = [settings.job_python, "-m", "jobs.run_experiment", "--store", str(settings.store)]
        command += ["--experiment", identifier, "--attempt", str(number)]
        return Submission(
            submission_id=live.attempt.submission_id,
            entrypoint=shlex.join(command),
            metadata={"name": live.experiment.name, "experiment": identifier, "attempt": str(number)},
            environment=settings.job_env,
        )

    def _follow(self, live: Live, jobs: Jobs) -> None:
        if live.cancelling:
            live.folder.ask_to_stop("cancelled")
        outcome, failure = self._told(live)
        if outcome is not None and not live.cancelling:
            self._end(live, outcome, failure, jobs)
            return
        if not live.cancelling and live.attempt.ray_status == RayStatus.RUNNING and self._beats(live):
            return  # it lives and has not spoken; asking Ray twice a second would keep a core busy
        try:
            state = jobs.state(live.attempt.submission_id)
        except RayUnreachable:
            if live.cancelling and (live.attempt.submitted_at is None or not self._beats(live)):
                self._end(live, outcome or Outcome.CANCELLED, failure, jobs)
                return
            raise
        if state.status.ended:
            outcome, failure = self._told(live)  # it may have spoken just before it ended
        self._remember(live, state)
        if live.cancelling:
            self._press(live, state, outcome, failure, jobs)
        elif outcome is not None:
            self._end(live, outcome, failure, jobs)
        elif self._lost(live, state):
            self._give_up(live, state, jobs)

    def _told(self, live: Live) -> tuple[Outcome | None, Failure | None]:
        """Take in what the job has told; its outcome, once it has."""
        identifier, number = live.experiment.id, live.attempt.number
        self.ingest.take(identifier, number, live.attempt.last_number)
        with self.database.read() as session:
            attempt = session.get_one(AttemptRow, (identifier, number))
        live.attempt.last_number = attempt.last_number
        failure = Failure.model_validate(attempt.failure) if attempt.failure else None
        return (Outcome(attempt.outcome) if attempt.outcome else None), failure

    def _press(self, live: Live, state: JobState, outcome: Outcome | None, failure: Failure | None, jobs: Jobs) -> None:
        """A cancelled attempt is over when its processes are; after the grace Ray kills them."""
        gone = state.status.ended and not (state.status is RayStatus.MISSING and self._beats(live))
        if gone:
            self._end(live, outcome or Outcome.CANCELLED, failure, jobs)
            return
        now = self.clock()
        asked, sent = live.experiment.cancel_requested_at or now, live.experiment.stop_sent_at
        patient = now - asked < timedelta(seconds=self.settings.cancel_grace_s)
        if patient or (sent is not None and now - sent < timedelta(seconds=STOP_AGAIN_S)):
            return
        jobs.stop(live.attempt.submission_id)
        with self.database.write() as session:
            row = ExperimentRepository(session).get(live.experiment.id, lock=True)
            if row is not None:
                row.stop_sent_at = now

    def _beats(self, live: Live) -> bool:
        age = live.folder.heartbeat_age()
        return age is not None and age < self.settings.heartbeat_ttl_s

    def _lost(self, live: Live, state: JobState) -> bool:
        if state.status.ended:
            return not self._beats(live)
        if state.status is RayStatus.PENDING:
            return False
        age = live.folder.heartbeat_age()
        since = live.attempt.submitted_at or live.attempt.created_at
        silent = age if age is not None else (self.clock() - since).total_seconds()
        return silent > self.settings.lost_after_s

    def _give_up(self, live: Live, state: JobState, jobs: Jobs) -> None:
        if not state.status.ended:
            jobs.stop(live.attempt.submission_id)
        self._end(live, Outcome.CRASHED, job_lost(state), jobs)

    def _remember(self, live: Live, state: JobState) -> None:
        """Note Ray's status, and what a queued experiment waits for, where they changed."""
        with self.database.read() as session:
            row = ExperimentRepository(session).get(live.experiment.id)
        waits = "Ray to start the job" if row is not None and row.state == State.QUEUED else None
        if row is None or (live.attempt.ray_status == state.status and row.waiting_for == waits):
            return
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            locked = repository.get(row.id, lock=True)
            attempt = session.get(AttemptRow, (row.id, live.attempt.number))
            if locked is not None and attempt is not None:
                attempt.ray_status = state.status
                wait_for(repository, locked, waits, self.clock())

    def _end(self, live: Live, outcome: Outcome, failure: Failure | None, jobs: Jobs) -> None:
        """Close the attempt and decide what becomes of the experiment, in one transaction."""
        if failure is not None:
            failure = with_log_tail(failure, _log_of(live, jobs))
        now = self.clock()
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(live.experiment.id, lock=True)
            attempt = session.get(AttemptRow, (live.experiment.id, live.attempt.number), populate_existing=True)
            if row is None or attempt is None or attempt.ended_at is not None:
                return
            end_attempt(repository, row, attempt, outcome, failure, now)
            if row.state == State.CANCELLING:
                won = outcome is Outcome.SUCCEEDED
                finish(repository, row, State.SUCCEEDED if won else State.CANCELLED, None, now)
            elif outcome is not Outcome.CRASHED:
                finish(repository, row, State(outcome.value), failure, now)
            else:
                self._again(repository, row, attempt, failure, now)

    def _again(
        self,
        repository: ExperimentRepository,
        row: ExperimentRow,
        attempt: AttemptRow,
        failure: Failure | None,
        now: datetime,
    ) -> None:
        tries = attempt.number - row.attempts_before
        if tries >= self.settings.max_attempts:
            finish(repository, row, State.FAILED, failure, now)
            return
        delay = timedelta(seconds=self.settings.retry_backoff_s * 2 ** (tries - 1))
        requeue(repository, row, now, delay)


def _log_of(live: Live, jobs: Jobs) -> str | None:
    try:
        return jobs.logs(live.attempt.submission_id)
    except (RayUnreachable, RayRefused):
        return None
