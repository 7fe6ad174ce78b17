"""Takes a job's events into the database, each once and in order, and lets stages follow them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

from api.database import Database
from api.experiments.repository import ExperimentRepository
from api.experiments.states import GATE_CLOSED, TRIAL_OVER, Outcome, StageState, State
from api.tables import AttemptRow, ExperimentRow, StageRow
from cftray.store import Event, Failure, Store
from cftray.store.events import EventKind

BATCH = 500
"""Events of one transaction."""

_STATES = {
    EventKind.STAGE_WAITING: StageState.WAITING,
    EventKind.STAGE_STARTED: StageState.RUNNING,
    EventKind.STAGE_RECORDED: StageState.RECORDED,
    EventKind.STAGE_CACHED: StageState.CACHED,
    EventKind.STAGE_SKIPPED: StageState.SKIPPED,
    EventKind.STAGE_FAILED: StageState.FAILED,
}


class UnreadableEvents(Exception):
    """A job wrote something that is no event: another version of CFTRay, or a damaged file."""


class Ingest:
    """Reads the job folders of a store."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.store = store

    def take(self, experiment: str, attempt: int, after: int) -> None:
        """Everything new since number `after`. Raises UnreadableEvents where the job wrote what is none."""
        events = self.store.job(experiment, attempt).events().after(after)
        try:
            while batch := list(islice(events, BATCH)):
                self._store(experiment, attempt, batch)
        except (ValueError, TypeError) as error:
            raise UnreadableEvents(str(error)) from error

    def _store(self, experiment: str, number: int, batch: Iterable[Event]) -> None:
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(experiment, lock=True)
            attempt = session.get(AttemptRow, (experiment, number), populate_existing=True)
            if row is None or attempt is None:
                return
            stages = {stage.name: stage for stage in repository.stages(experiment)}
            for event in batch:
                if event.number > attempt.last_number:
                    attempt.last_number = event.number
                    _apply(repository, row, attempt, stages, event)


def _apply(
    repository: ExperimentRepository,
    row: ExperimentRow,
    attempt: AttemptRow,
    stages: dict[str, StageRow],
    event: Event,
) -> None:
    at = datetime.fromisoformat(event.at)
    repository.append(
        row, event.kind, at, attempt=attempt.number, number=event.number, stage=event.stage, data=event.data
    )
    if event.kind is EventKind.JOB_STARTED:
        attempt.started_at = at
        if row.state == State.QUEUED:
            row.state = State.RUNNING
            row.waiting_for = None
    elif event.kind is EventKind.JOB_FINISHED:
        attempt.outcome, attempt.failure = _outcome(event.data)
    stage = stages.get(event.stage or "")
    if stage is not None:
        _follow(stage, event, at)


def _outcome(data: dict[str, Any]) -> tuple[Outcome, dict[str, Any] | None]:
    """What a job says of its end; a failure of the platform is a crash, whoever tells of it."""
    outcome = Outcome(str(data.get("outcome")))
    failure = Failure.model_validate(data["failure"]) if data.get("failure") else None
    if outcome is Outcome.FAILED and failure is not None and failure.retryable:
        outcome = Outcome.CRASHED
    return outcome, failure.model_dump(mode="json") if failure else None


def _follow(stage: StageRow, event: Event, at: datetime) -> None:
    if event.kind is EventKind.STAGE_PROGRESS:
        stage.progress = progress_after(stage.progress, event.data, at)
        return
    state = _STATES.get(event.kind)
    if state is None:
        return
    if state is StageState.CACHED and stage.state == StageState.RECORDED:
        return  # a later attempt finds what an earlier one of the same experiment recorded
    if state is StageState.WAITING and event.data.get("holder") == stage.experiment_id:
        return  # a trial waits for another one of the same sweep, which tells how it goes on
    stage.state = state
    if state is StageState.SKIPPED:
        # A gate or a trial is named; without one a stage that it needs has failed.
        begins = GATE_CLOSED if event.data.get("gates") else TRIAL_OVER if event.data.get("trial") else ""
        stage.why = begins + str(event.data.get("why", ""))
    elif state is StageState.FAILED:
        stage.why = str(event.data.get("failure", {}).get("message", "")) or None
    if state in (StageState.RUNNING, StageState.WAITING):
        stage.started_at, stage.ended_at, stage.progress = at, None, None
    else:
        stage.ended_at = at
        if stage.progress is not None:
            stage.progress = stage.progress | {"eta_seconds": None}


def progress_after(before: dict[str, Any] | None, data: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A stage's progress with the seconds left at its mean pace since its first report."""
    step, total = int(data.get("step", 0)), int(data.get("total", 0))
    figures = {str(name): float(value) for name, value in data.get("figures", {}).items()}
    begun = before or {"from_step": step, "from_at": at.timestamp()}
    done = step - begun["from_step"]
    elapsed = at.timestamp() - begun["from_at"]
    eta = round(elapsed / done * (total - step), 1) if done > 0 and elapsed > 0 else None
    return {
        "step": step,
        "total": total,
        "unit": str(data.get("unit", "")),
        "figures": figures,
        "tokens_per_s": figures.get("tokens_per_s"),
        "eta_seconds": eta,
        "from_step": begun["from_step"],
        "from_at": begun["from_at"],
    }
