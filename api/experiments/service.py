"""What may be done with experiments, and with other work that is planned and walked as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from api.database import Database
from api.experiments.ids import new_id
from api.experiments.kinds import AnySpec, Kind
from api.experiments.lifecycle import ask_to_cancel, revive
from api.experiments.repository import ExperimentRepository, Filter, Standing
from api.experiments.schemas import AnyView, EventPage, Page
from api.experiments.states import Happening, State
from api.experiments.views import Views, event_view
from api.plans.moment import Moment
from api.plans.schemas import PlannedStage
from api.plans.service import PlanService
from api.refusals import BadParameter, Conflict, KeyReused, NotFound
from api.tables import ExperimentRow, StageRow
from api.wakeup import Wakeup
from cftray.errors import Fault
from cftray.plan import Plan, canonical

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An experiment that is ready to be stored."""

    spec: AnySpec
    plan: Plan
    stages: Sequence[PlannedStage]


class ExperimentService:
    """See the module; all of it of one kind. One transaction a call; `wakeup` tells the reconciler after it."""

    def __init__(
        self,
        database: Database,
        plans: PlanService,
        views: Views,
        wakeup: Wakeup,
        clock: Clock,
        kind: Kind = Kind.EXPERIMENT,
    ) -> None:
        self.database = database
        self.plans = plans
        self.views = views
        self.wakeup = wakeup
        self.clock = clock
        self.kind = kind

    def create(self, document: dict[str, Any], key: str | None) -> tuple[AnyView, bool]:
        """Store a new experiment; (it, False), or the first answer's and True where `key` came before.

        Raises SpecRefused, or KeyReused where the key came with another body.
        """
        digest = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
        earlier = self._earlier(key, digest)
        if earlier is not None:
            return earlier, True
        new = self.prepare(self.plans.spec(document, self.kind))
        try:
            with self.database.write() as session:
                repository = ExperimentRepository(session)
                view = self._view(repository, self.add(repository, new, key=key, digest=digest))
        except IntegrityError:
            earlier = self._earlier(key, digest)  # the same key, at the same moment
            if earlier is None:
                raise
            return earlier, True
        self.wakeup.notify()
        return view, False

    def prepare(self, spec: AnySpec, moment: Moment | None = None) -> Prepared:
        """What a checked spec would be stored as; `moment` where it is one of many."""
        plan = self.plans.plan(spec, moment)
        return Prepared(spec=spec, plan=plan, stages=self.plans.stages(plan, moment))

    def add(
        self, repository: ExperimentRepository, new: Prepared, *, key: str | None = None, digest: str | None = None
    ) -> ExperimentRow:
        """Store a prepared experiment in the caller's transaction."""
        now = self.clock()
        row = ExperimentRow(
            id=new_id(self.kind.prefix),
            kind=self.kind,
            name=new.spec.name,
            project=new.spec.project,
            labels=list(new.spec.labels),
            state=State.QUEUED,
            created_at=now,
            updated_at=now,
            attempts_before=0,
            last_event=0,
            tracked_seq=0,
            plan_complete=new.plan.complete,
            idempotency_key=key,
            body_hash=digest,
            spec=canonical(new.spec),
            plan=canonical(new.plan),
        )
        repository.add(row, stage_rows(row.id, new.stages))
        repository.append(row, Happening.QUEUED, now)
        repository.session.flush()
        return row

    def get(self, identifier: str) -> AnyView:
        """One experiment. Raises NotFound."""
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            return self._view(repository, found(repository, identifier, self.kind))

    def page(self, wanted: Filter, after: str | None, limit: int) -> Page:
        """A page of a list, beginning after the experiment `after`."""
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            seq = None
            if after is not None:
                last = repository.get(after)
                if last is None or last.kind != wanted.kind:
                    raise BadParameter(Fault(path="after", given=after[:40], expected="`next` of the page before"))
                seq = last.seq
            rows = repository.page(wanted, seq, limit + 1)
            more, rows = len(rows) > limit, rows[:limit]
            stages = repository.stages_of(row.id for row in rows)
            data = [self.views.summary(row, stages[row.id]) for row in rows]
        return Page(data=data, has_more=more, next=rows[-1].id if more else None)

    def cancel(self, identifier: str) -> AnyView:
        """Ask it to end. Cancelling what is cancelled already is no conflict."""
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = found(repository, identifier, self.kind, lock=True)
            state = State(row.state)
            if state in (State.SUCCEEDED, State.FAILED):
                raise Conflict(f"{identifier} has {state} already; only {self.kind.one} that is not over is cancelled")
            if state in (State.QUEUED, State.RUNNING):
                ask_to_cancel(repository, row, self.clock())
            view = self._view(repository, row)
        self.wakeup.notify()
        return view

    def retry(self, identifier: str) -> AnyView:
        """A new attempt at a failed or cancelled experiment, planned anew: its files may be mended.

        What is recorded is not run again. Raises Conflict, or SpecRefused where it can't run now.
        """
        with self.database.read() as session:
            row = found(ExperimentRepository(session), identifier, self.kind)
            _refuse_retry(row)
            document = json.loads(row.spec)
        spec = self.plans.spec(document, self.kind)
        plan = self.plans.plan(spec)
        stages = self.plans.stages(plan)
        with self.database.write() as session:
            repository = ExperimentRepository(session)
            row = found(repository, identifier, self.kind, lock=True)
            _refuse_retry(row)
            row.plan, row.plan_complete = canonical(plan), plan.complete
            repository.replace_stages(identifier, stage_rows(identifier, stages))
            revive(repository, row, self.clock())
            view = self._view(repository, row)
        self.wakeup.notify()
        return view

    def events(self, identifier: str, after: int, limit: int) -> EventPage:
        """Events after number `after`. The state is read first: once it is terminal, none is missing."""
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            standing = repository.standing(identifier)
            if standing is None or standing.kind is not self.kind:
                raise unknown(identifier, self.kind, None if standing is None else standing.kind)
            state = standing.state
            rows = repository.events(identifier, after, limit + 1)
            data = [event_view(row) for row in rows[:limit]]
        last = data[-1].seq if data else after
        return EventPage(data=data, has_more=len(rows) > limit, next=last, state=state, terminal=state.terminal)

    def standings(self, identifiers: Sequence[str]) -> dict[str, Standing]:
        """How experiments stand, by id; those that are not there are left out."""
        with self.database.read() as session:
            return ExperimentRepository(session).standings(identifiers)

    def _earlier(self, key: str | None, digest: str) -> AnyView | None:
        if key is None:
            return None
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            row = repository.by_idempotency_key(key)
            if row is None:
                return None
            if row.body_hash != digest or row.kind != self.kind:
                raise KeyReused(f"this Idempotency-Key made {row.id} from another body; choose a new key")
            return self._view(repository, row)

    def _view(self, repository: ExperimentRepository, row: ExperimentRow) -> AnyView:
        repository.session.flush()
        return self.views.whole(row, repository.stages(row.id), repository.attempts(row.id))


def found(
    repository: ExperimentRepository, identifier: str, kind: Kind = Kind.EXPERIMENT, *, lock: bool = False
) -> ExperimentRow:
    """The experiment, or whatever is of that kind. Raises NotFound."""
    row = repository.get(identifier, lock=lock)
    if row is None or row.kind != kind:
        raise unknown(identifier, kind, None if row is None else Kind(row.kind))
    return row


def unknown(identifier: str, kind: Kind, other: Kind | None = None) -> NotFound:
    """What to say of an experiment that is not there, or that is of an `other` kind."""
    if other is not None:
        return NotFound(f"{identifier} is no {kind} but {other.one}; GET {other.path}/{identifier} shows it")
    return NotFound(f"no {kind} {identifier[:40]}; GET {kind.path} lists them")


def stage_rows(identifier: str, stages: Sequence[PlannedStage]) -> list[StageRow]:
    """Stages of a plan as rows."""
    return [
        StageRow(
            experiment_id=identifier,
            name=stage.name,
            position=position,
            title=stage.title,
            kind=stage.kind.value,
            fingerprint=stage.fingerprint,
            state=stage.state.value,
            why=stage.why,
        )
        for position, stage in enumerate(stages)
    ]


def _refuse_retry(row: ExperimentRow) -> None:
    if row.state not in (State.FAILED, State.CANCELLED):
        raise Conflict(f"{row.id} is {row.state}; only a failed or cancelled {row.kind} is tried again")
