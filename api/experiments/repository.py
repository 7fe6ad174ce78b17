"""Queries about experiments. Every method works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from api.experiments.kinds import Kind
from api.experiments.states import OPEN, Happening, State
from api.tables import AttemptRow, CellRow, EventRow, ExperimentRow, LabelRow, StageRow
from cftray.store.events import EventKind

AT_ONCE = 200
"""Ids in one query."""

_BODY = (defer(ExperimentRow.spec, raiseload=True), defer(ExperimentRow.plan, raiseload=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which experiments of a list; null: all of the kind."""

    kind: Kind = Kind.EXPERIMENT
    state: tuple[State, ...] = ()
    label: tuple[str, ...] = ()
    name: str | None = None
    matrix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenExperiment:
    """What decides whether an open experiment's turn has come; `attempt` is the live one's number."""

    id: str
    state: State
    waiting_for: str | None
    not_before: datetime | None
    plan_complete: bool
    attempt: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An experiment's state, what it waits for, and the number of its last event."""

    state: State
    waiting_for: str | None
    last_event: int
    kind: Kind = Kind.EXPERIMENT


class Planned(NamedTuple):
    """An experiment's plan as it is stored, and the matrix that it is a cell of."""

    id: str
    plan: str
    matrix: str | None


class ExperimentRepository:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, row: ExperimentRow, stages: Iterable[StageRow]) -> None:
        """Store a new experiment with its labels and stages."""
        self.session.add(row)
        self.session.flush()
        self.session.add_all(LabelRow(label=label, seq=row.seq) for label in dict.fromkeys(row.labels))
        self.session.add_all(stages)
        self.session.flush()

    def get(self, identifier: str, *, lock: bool = False) -> ExperimentRow | None:
        """The experiment of that id; with `lock`, nobody else changes it until the transaction ends."""
        query = select(ExperimentRow).where(ExperimentRow.id == identifier)
        return self.session.scalar(query.with_for_update() if lock else query)

    def standing(self, identifier: str) -> Standing | None:
        """How the experiment of that id stands, without its body: cheap enough to ask again and again."""
        return self.standings([identifier]).get(identifier)

    def standings(self, identifiers: Sequence[str]) -> dict[str, Standing]:
        """How experiments stand, by id; those that are not there are left out."""
        query = select(
            ExperimentRow.id,
            ExperimentRow.kind,
            ExperimentRow.state,
            ExperimentRow.waiting_for,
            ExperimentRow.last_event,
        )
        found = self.session.execute(query.where(ExperimentRow.id.in_(identifiers)))
        return {
            one: Standing(kind=Kind(kind), state=State(state), waiting_for=waiting_for, last_event=last)
            for one, kind, state, waiting_for, last in found
        }

    def by_idempotency_key(self, key: str) -> ExperimentRow | None:
        """The experiment that was POSTed with that key."""
        return self.session.scalar(select(ExperimentRow).where(ExperimentRow.idempotency_key == key))

    def page(self, wanted: Filter, after: int | None, limit: int) -> Sequence[ExperimentRow]:
        """Experiments without spec and plan, the newest first, older than sequence number `after`."""
        query = select(ExperimentRow).options(*_BODY).order_by(ExperimentRow.seq.desc()).limit(limit)
        query = query.where(ExperimentRow.kind == wanted.kind)
        if after is not None:
            query = query.where(ExperimentRow.seq < after)
        if len(wanted.state) == 1:
            query = query.where(ExperimentRow.state == wanted.state[0])
        elif wanted.state:
            query = query.where(ExperimentRow.state.in_(wanted.state))
        if wanted.name is not None:
            query = query.where(ExperimentRow.name == wanted.name)
        if wanted.matrix is not None:
            cell = select(CellRow.position).where(
                CellRow.matrix_id == wanted.matrix, CellRow.experiment_id == ExperimentRow.id
            )
            query = query.where(cell.exists())
        for label in wanted.label:
            having = select(LabelRow.seq).where(LabelRow.label == label, LabelRow.seq == ExperimentRow.seq)
            query = query.where(having.exists())
        return self.session.scalars(query).all()

    def plans(self, identifiers: Sequence[str]) -> list[Planned]:
        """Plans of experiments; the first matrix where one is a cell of several."""
        query = select(ExperimentRow.id, ExperimentRow.plan, func.min(CellRow.matrix_id))
        query = query.outerjoin(CellRow, CellRow.experiment_id == ExperimentRow.id).group_by(
            ExperimentRow.id, ExperimentRow.plan
        )
        found: list[Planned] = []
        for begin in range(0, len(identifiers), AT_ONCE):
            asked = query.where(ExperimentRow.id.in_(identifiers[begin : begin + AT_ONCE]))
            found += [Planned(one, plan, matrix) for one, plan, matrix in self.session.execute(asked)]
        return found

    def opened(self) -> list[OpenExperiment]:
        """Experiments that still need something done, the oldest first."""
        alive = (AttemptRow.experiment_id == ExperimentRow.id) & AttemptRow.ended_at.is_(None)
        query = select(
            ExperimentRow.id,
            ExperimentRow.state,
            ExperimentRow.waiting_for,
            ExperimentRow.not_before,
            ExperimentRow.plan_complete,
            AttemptRow.number,
        ).outerjoin(AttemptRow, alive)
        query = query.where(ExperimentRow.state.in_(OPEN)).order_by(ExperimentRow.seq)
        return [
            OpenExperiment(
                id=one,
                state=State(state),
                waiting_for=waiting_for,
                not_before=not_before,
                plan_complete=complete,
                attempt=number,
            )
            for one, state, waiting_for, not_before, complete, number in self.session.execute(query)
        ]

    def stages(self, identifier: str) -> Sequence[StageRow]:
        """The stages of one experiment in the plan's order."""
        query = select(StageRow).where(StageRow.experiment_id == identifier)
        return self.session.scalars(query.order_by(StageRow.position)).all()

    def stages_of(self, identifiers: Iterable[str]) -> dict[str, list[StageRow]]:
        """The stages of several experiments, by id."""
        found: dict[str, list[StageRow]] = {identifier: [] for identifier in identifiers}
        query = select(StageRow).where(StageRow.experiment_id.in_(found)).order_by(StageRow.position)
        for row in self.session.scalars(query):
            found[row.experiment_id].append(row)
        return found

    def replace_stages(self, identifier: str, stages: Sequence[StageRow]) -> None:
        """Put the stages of a new plan in the place of the old one's."""
        for old in self.stages(identifier):
            self.session.delete(old)
        self.session.flush()
        self.session.add_all(stages)

    def attempts(self, identifier: str) -> Sequence[AttemptRow]:
        """Attempts at one experiment, the first one first."""
        query = select(AttemptRow).where(AttemptRow.experiment_id == identifier)
        return self.session.scalars(query.order_by(AttemptRow.number)).all()

    def live_attempt(self, identifier: str) -> AttemptRow | None:
        """The attempt that has not ended, if there is one."""
        query = select(AttemptRow).where(AttemptRow.experiment_id == identifier, AttemptRow.ended_at.is_(None))
        return self.session.scalar(query)

    def logs_to_keep(self, limit: int) -> Sequence[AttemptRow]:
        """Ended attempts whose log has not been copied yet."""
        query = select(AttemptRow).where(~AttemptRow.log_kept, AttemptRow.ended_at.is_not(None))
        return self.session.scalars(query.order_by(AttemptRow.ended_at).limit(limit)).all()

    def append(
        self,
        row: ExperimentRow,
        kind: Happening | EventKind,
        at: datetime,
        *,
        attempt: int | None = None,
        number: int | None = None,
        stage: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """The experiment's next event; `row` has to be locked."""
        row.last_event += 1
        row.updated_at = at
        event = EventRow(
            experiment_id=row.id,
            seq=row.last_event,
            attempt=attempt,
            number=number,
            at=at,
            kind=kind.value,
            stage=stage,
            data=data or {},
        )
        self.session.add(event)

    def events(self, identifier: str, after: int, limit: int) -> Sequence[EventRow]:
        """Events with a higher number than `after`, in order."""
        query = select(EventRow).where(EventRow.experiment_id == identifier, EventRow.seq > after)
        return self.session.scalars(query.order_by(EventRow.seq).limit(limit)).all()

    def stage_events(self, identifier: str, kinds: Iterable[EventKind]) -> Sequence[EventRow]:
        """Events of those kinds, in order."""
        query = select(EventRow).where(EventRow.experiment_id == identifier, EventRow.kind.in_(list(kinds)))
        return self.session.scalars(query.order_by(EventRow.seq)).all()

    def untracked(self, limit: int, left_out: Sequence[str] = ()) -> list[tuple[str, int]]:
        """(id, last event) of experiments that an observer has not seen in their present state."""
        query = select(ExperimentRow.id, ExperimentRow.last_event)
        query = query.where(ExperimentRow.tracked_seq < ExperimentRow.last_event)
        if left_out:
            query = query.where(ExperimentRow.id.not_in(left_out))
        return [(one, last) for one, last in self.session.execute(query.order_by(ExperimentRow.seq).limit(limit))]
