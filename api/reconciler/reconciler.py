"""One look at everything open: plans are completed, attempts begun and followed, logs kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from api.database import Database
from api.experiments.kinds import spec_of
from api.experiments.lifecycle import begin_attempt, finish, wait_for
from api.experiments.repository import ExperimentRepository, OpenExperiment
from api.experiments.service import stage_rows
from api.experiments.states import Happening, State
from api.plans.service import PlanService
from api.ray_jobs import Jobs, RayRefused, RayUnreachable
from api.reconciler.attempts import Attempts
from api.reconciler.cluster import OneLook
from api.reconciler.failures import failure_of
from api.reconciler.hashing import Hashing
from api.reconciler.joblogs import JobLogs
from api.reconciler.turns import Turns
from api.settings import Settings
from api.tables import AttemptRow
from cftray.errors import CFTRayError
from cftray.plan import Plan, canonical
from cftray.store import Store

log = logging.getLogger("cftray.reconciler")

LOGS_A_STEP = 20


class Reconciler:
    """`step` may be called at any time, from any thread, one at a time."""

    def __init__(
        self,
        *,
        database: Database,
        store: Store,
        jobs: Jobs,
        plans: PlanService,
        hashing: Hashing,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.store = store
        self.jobs = jobs
        self.plans = plans
        self.hashing = hashing
        self.settings = settings
        self.clock = clock
        self.turns = Turns(database, store)
        self.attempts = Attempts(database, store, settings, clock)

    def step(self) -> bool:
        """Move everything as far as it goes now; True while something is left to watch."""
        jobs = OneLook(self.jobs)
        with self.database.read() as session:
            opened = ExperimentRepository(session).opened()
        busy = sum(one.attempt is not None for one in opened)
        for one in self._in_turn(opened, busy):
            begun = one.attempt is None and one.state is State.QUEUED and self._guarded(one, busy)
            busy += begun
            if begun or one.attempt is not None:
                self._advance(one.id, jobs)
        return self._keep_logs(jobs) or bool(opened)

    def _in_turn(self, opened: list[OpenExperiment], busy: int) -> list[OpenExperiment]:
        """In the order of arrival where their plans can't be read: a wrong order harms nobody."""
        try:
            return self.turns.order(opened, self.settings.max_jobs - busy)
        except Exception:
            log.exception("the order of what waits is that of arrival")
            return opened

    def _guarded(self, one: OpenExperiment, busy: int) -> bool:
        """`_begin`, whose unexpected errors harm no other experiment."""
        try:
            return self._begin(one, busy)
        except Exception:
            log.exception("%s could not be begun; tried again", one.id)
            return False

    def _begin(self, one: OpenExperiment, busy: int) -> bool:
        """Make a queued experiment's next attempt, if its turn has come."""
        if one.not_before is not None and self.clock() < one.not_before:
            return False
        if not one.plan_complete and not self._complete_plan(one.id):
            return False
        if busy >= self.settings.max_jobs:
            place = f"a free place ({self.settings.max_jobs} jobs at a time)"
            if one.waiting_for != place:
                self._wait(one.id, place)
            return False
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(one.id, lock=True)
            if row is None or row.state != State.QUEUED or repository.live_attempt(one.id) is not None:
                return False
            begin_attempt(repository, row, self.clock())
        return True

    def _advance(self, identifier: str, jobs: Jobs) -> None:
        with self.database.read() as session:
            attempt = ExperimentRepository(session).live_attempt(identifier)
        if attempt is None:
            return
        try:
            self.attempts.advance(identifier, attempt.number, jobs)
        except (RayUnreachable, RayRefused) as error:
            log.warning("%s: %s (%s)", identifier, error.message, error.__cause__)
            self._wait(identifier, error.message)
        except Exception:
            log.exception("%s could not be moved on; tried again", identifier)

    def _complete_plan(self, identifier: str) -> bool:
        """Plan again once every large input has been hashed."""
        with self.database.read() as session:
            row = ExperimentRepository(session).get(identifier)
        if row is None:
            return False
        try:
            pending = self.hashing.pending(Plan.model_validate_json(row.plan))
            if pending:
                names = ", ".join(leaf.location for leaf in pending)
                self._wait(identifier, f"the digest of {names}")
                return False
            plan = self.plans.plan(spec_of(row))
            stages = self.plans.stages(plan)
        except (CFTRayError, OSError) as error:
            self._fail(identifier, error)
            return False
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            locked = repository.get(identifier, lock=True)
            if locked is None or locked.state != State.QUEUED:
                return False
            locked.plan, locked.plan_complete = canonical(plan), plan.complete
            repository.replace_stages(identifier, stage_rows(identifier, stages))
            locked.waiting_for = None
            repository.append(locked, Happening.PLAN_COMPLETED, self.clock())
        return plan.complete

    def _fail(self, identifier: str, error: CFTRayError | OSError) -> None:
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(identifier, lock=True)
            if row is not None and row.state == State.QUEUED:
                finish(repository, row, State.FAILED, failure_of(error), self.clock())

    def _wait(self, identifier: str, what: str) -> None:
        with self.database.read() as session:
            standing = ExperimentRepository(session).standing(identifier)
        if standing is None or standing.waiting_for == what or standing.state.terminal:
            return
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(identifier, lock=True)
            if row is not None and not State(row.state).terminal:
                wait_for(repository, row, what, self.clock())

    def _keep_logs(self, jobs: Jobs) -> bool:
        """Copy the logs of ended attempts to the store; True while some are left."""
        with self.database.read() as session:
            attempts = ExperimentRepository(session).logs_to_keep(LOGS_A_STEP)
        logs = JobLogs(self.store, jobs)
        for attempt in attempts:
            try:
                self._keep_log(attempt, logs, jobs)
            except (RayUnreachable, RayRefused):
                return bool(attempts)
            except Exception:
                log.exception("the log of %s could not be kept; tried again", attempt.submission_id)
        return bool(attempts)

    def _keep_log(self, attempt: AttemptRow, logs: JobLogs, jobs: Jobs) -> None:
        if not jobs.state(attempt.submission_id).status.ended:
            return
        text = logs.live(attempt.submission_id)
        if text is not None:
            logs.keep(attempt.experiment_id, attempt.number, text)
        with self.database.write() as session:
            row = session.get(AttemptRow, (attempt.experiment_id, attempt.number))
            if row is not None:
                row.log_kept = True
