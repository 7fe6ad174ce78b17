"""How an experiment goes from state to state. Service and reconciler both decide through this.

Each function works on rows that are locked in the caller's transaction, and writes the event that
tells of the change in the same transaction: who sees a terminal state can also read its last event.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from api.experiments.repository import ExperimentRepository
from api.experiments.states import NEEDS, Happening, Outcome, StageState, State
from api.tables import AttemptRow, ExperimentRow
from cftray.store.records import Failure

_LAST = {
    State.SUCCEEDED: Happening.SUCCEEDED,
    State.FAILED: Happening.FAILED,
    State.CANCELLED: Happening.CANCELLED,
}


def wait_for(repository: ExperimentRepository, row: ExperimentRow, what: str | None, now: datetime) -> None:
    """Say what the experiment waits for; saying the same again says nothing."""
    if row.waiting_for == what:
        return
    row.waiting_for = what
    if what is not None:
        repository.append(row, Happening.WAITING, now, data={"waiting_for": what})


def begin_attempt(repository: ExperimentRepository, row: ExperimentRow, now: datetime) -> AttemptRow:
    """The next attempt, to be submitted under an id that follows from it."""
    number = max((one.number for one in repository.attempts(row.id)), default=0) + 1
    attempt = AttemptRow(
        experiment_id=row.id,
        number=number,
        submission_id=submission_id(row.id, number),
        created_at=now,
        last_number=0,
        log_kept=False,
    )
    repository.session.add(attempt)
    row.not_before = None
    return attempt


def submission_id(identifier: str, number: int) -> str:
    """Ray's name of an attempt's job: submitting it twice is refused there."""
    return f"cftray-{identifier}-{number}"


def end_attempt(
    repository: ExperimentRepository,
    row: ExperimentRow,
    attempt: AttemptRow,
    outcome: Outcome,
    failure: Failure | None,
    now: datetime,
) -> None:
    """Close an attempt; what becomes of its experiment is the caller's decision."""
    attempt.ended_at = now
    attempt.outcome = outcome
    attempt.failure = failure.model_dump(mode="json") if failure else None
    data: dict[str, Any] = {"outcome": outcome.value, "failure": attempt.failure}
    repository.append(row, Happening.ATTEMPT_ENDED, now, attempt=attempt.number, data=data)


def requeue(repository: ExperimentRepository, row: ExperimentRow, now: datetime, delay: timedelta) -> None:
    """Back to the queue for another attempt after `delay`."""
    row.state = State.QUEUED
    row.not_before = now + delay
    _reset_stages(repository, row, StageState.NEW)
    repository.append(row, Happening.QUEUED, now, data={"not_before": row.not_before.isoformat()})


def finish(
    repository: ExperimentRepository, row: ExperimentRow, state: State, failure: Failure | None, now: datetime
) -> None:
    """The end, with its last event."""
    row.state = state
    row.finished_at = now
    row.waiting_for = None
    row.not_before = None
    row.failure = failure.model_dump(mode="json") if failure else None
    if state is not State.SUCCEEDED:
        _reset_stages(repository, row, StageState.SKIPPED)
    repository.append(row, _LAST[state], now, data={"failure": row.failure} if row.failure else {})


def ask_to_cancel(repository: ExperimentRepository, row: ExperimentRow, now: datetime) -> None:
    """Cancelled at once where nothing was submitted, else cancelling until the job has ended."""
    row.cancel_requested_at = now
    if repository.live_attempt(row.id) is None:
        finish(repository, row, State.CANCELLED, None, now)
        return
    row.state = State.CANCELLING
    row.waiting_for = None
    repository.append(row, Happening.CANCELLING, now)


def revive(repository: ExperimentRepository, row: ExperimentRow, now: datetime) -> None:
    """A person's retry of a failed or cancelled experiment: queued, with all its attempts anew."""
    row.state = State.QUEUED
    row.attempts_before = max((one.number for one in repository.attempts(row.id)), default=0)
    row.failure = row.finished_at = row.cancel_requested_at = row.stop_sent_at = row.not_before = None
    repository.append(row, Happening.QUEUED, now, data={"retry": True})


def _reset_stages(repository: ExperimentRepository, row: ExperimentRow, to: StageState) -> None:
    for stage in repository.stages(row.id):
        state = StageState(stage.state)
        unfinished = not state.done and (state is not StageState.FAILED or to is StageState.NEW)
        if unfinished:
            if to is StageState.NEW and (state is StageState.FAILED or (stage.why or "").startswith(NEEDS)):
                stage.why = None
            stage.state = to
            stage.progress = None
