"""What may be done with matrices."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from api.database import Database
from api.experiments.ids import new_id
from api.experiments.lifecycle import ask_to_cancel
from api.experiments.repository import ExperimentRepository
from api.experiments.service import Clock, ExperimentService, Prepared, found
from api.experiments.states import State
from api.experiments.views import Views
from api.matrices.repository import MatrixRepository
from api.matrices.schemas import (
    CellView,
    MatrixLinks,
    MatrixPage,
    MatrixSummary,
    MatrixTableView,
    MatrixView,
)
from api.plans.service import PlanService
from api.refusals import BadParameter, Conflict, KeyReused, NotFound
from api.tables import CellRow, ExperimentRow, MatrixRow
from api.wakeup import Wakeup
from cftray.errors import Fault
from cftray.plan import Plan
from cftray.recipes import Cell, cells_of, matrix_from_document
from cftray.recipes.matrices import (
    KnownCell,
    addition_from_document,
    cells_with_more,
    grown,
    identity_of,
    in_cell,
    refuse,
)
from cftray.report.matrix import CellPlan, matrix_table
from cftray.spec import ExperimentSpec
from cftray.store import Store


class MatrixService:
    """A matrix is stored with all of its experiments, or not at all."""

    def __init__(
        self,
        database: Database,
        store: Store,
        plans: PlanService,
        experiments: ExperimentService,
        views: Views,
        wakeup: Wakeup,
        clock: Clock,
    ) -> None:
        self.database = database
        self.store = store
        self.plans = plans
        self.experiments = experiments
        self.views = views
        self.wakeup = wakeup
        self.clock = clock

    def create(self, document: dict[str, Any], key: str | None) -> tuple[MatrixView, bool]:
        """Store a matrix and its experiments; (it, False), or the first answer's and True where `key` came before.

        Raises SpecRefused with the faults of every cell, or KeyReused where the key came with another body.
        """
        digest = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
        earlier = self._earlier(key, digest)
        if earlier is not None:
            return earlier, True
        matrix = matrix_from_document(document)
        prepared = self._prepared(cells_of(matrix))
        row = MatrixRow(
            id=new_id("mat"),
            name=matrix.name,
            created_at=self.clock(),
            document=document,
            idempotency_key=key,
            body_hash=digest,
        )
        try:
            with self.database.write() as session:
                repository = ExperimentRepository(session)
                MatrixRepository(session).add(row, self._stored(repository, row.id, prepared, 0))
        except IntegrityError:
            earlier = self._earlier(key, digest)  # the same key, at the same moment
            if earlier is None:
                raise
            return earlier, True
        self.wakeup.notify()
        return self.get(row.id), False

    def add_cells(self, identifier: str, document: dict[str, Any]) -> MatrixView:
        """Give a matrix more cells, whether or not those it has are over; cells that are there stay as they are.

        Raises NotFound, SpecRefused with the faults of every new cell, Conflict where others were added meanwhile.
        """
        more = addition_from_document(document)
        with self.database.read() as session:
            repository = MatrixRepository(session)
            row = found_matrix(repository, identifier)
            before = repository.cells(identifier)
        matrix = matrix_from_document(row.document)
        known = [_known(cell, experiment) for cell, experiment in before]
        have = {one.identity for one in known}
        new = [cell for cell in cells_with_more(matrix, more, known) if cell.identity not in have]
        prepared = self._prepared(new)
        whole = grown(matrix, more).model_dump(mode="json")
        with self.database.write() as session:
            repository = MatrixRepository(session)
            locked = found_matrix(repository, identifier, lock=True)
            if len(repository.cells(identifier)) != len(before):
                raise Conflict(f"{identifier} got other cells at the same moment; look at it, and add yours again")
            locked.document = whole
            repository.add_cells(self._stored(ExperimentRepository(session), identifier, prepared, len(before)))
        self.wakeup.notify()
        return self.get(identifier)

    def get(self, identifier: str) -> MatrixView:
        """One matrix. Raises NotFound."""
        with self.database.read() as session:
            repository = MatrixRepository(session)
            row = found_matrix(repository, identifier)
            cells = repository.cells(identifier)
            experiments = ExperimentRepository(session)
            stages = experiments.stages_of(experiment.id for _, experiment in cells)
            views = [self._cell(cell, experiment, stages[experiment.id]) for cell, experiment in cells]
        every = [stage.fingerprint or stage.name for of in stages.values() for stage in of]
        return MatrixView(
            **self._summary(row, [experiment.state for _, experiment in cells]).model_dump(by_alias=False),
            cells=views,
            stages=len(every),
            distinct_stages=len(set(every)),
        )

    def page(self, after: str | None, limit: int) -> MatrixPage:
        """A page of a list, beginning after the matrix `after`."""
        with self.database.read() as session:
            repository = MatrixRepository(session)
            seq = None
            if after is not None:
                last = repository.get(after)
                if last is None:
                    raise BadParameter(Fault(path="after", given=after[:40], expected="`next` of the page before"))
                seq = last.seq
            rows = repository.page(seq, limit + 1)
            more, rows = len(rows) > limit, rows[:limit]
            states = repository.states(row.id for row in rows)
        data = [self._summary(row, states[row.id]) for row in rows]
        return MatrixPage(data=data, has_more=more, next=rows[-1].id if more else None)

    def cancel(self, identifier: str) -> MatrixView:
        """Ask every cell that is not over to end."""
        with self.database.write() as session:
            repository = MatrixRepository(session)
            found_matrix(repository, identifier)
            experiments = ExperimentRepository(session)
            for _, experiment in repository.cells(identifier):
                row = found(experiments, experiment.id, lock=True)
                if row.state in (State.QUEUED, State.RUNNING):
                    ask_to_cancel(experiments, row, self.clock())
        self.wakeup.notify()
        return self.get(identifier)

    def table(self, identifier: str) -> MatrixTableView:
        """Scores of all cells as far as they are recorded. Raises NotFound."""
        with self.database.read() as session:
            repository = MatrixRepository(session)
            row = found_matrix(repository, identifier)
            cells = repository.cells(identifier)
        return MatrixTableView(
            matrix=row.id,
            terminal=all(State(experiment.state).terminal for _, experiment in cells),
            table=matrix_table(row.name, cell_plans(cells), self.store),
        )

    def _prepared(self, cells: Sequence[Cell]) -> list[tuple[Cell, Prepared]]:
        """The cells with their plans. Raises SpecRefused where one can't run; a fault of several is told once."""
        moment = self.plans.moment()
        faults: dict[tuple[str, str], Fault] = {}
        for cell in cells:
            for fault in self.plans.faults(cell.spec, moment):
                faults.setdefault((fault.path, fault.given), in_cell(fault, cell.coordinates))
        refuse(faults.values())
        return [(cell, self.experiments.prepare(cell.spec, moment)) for cell in cells]

    def _stored(
        self, repository: ExperimentRepository, matrix: str, prepared: Sequence[tuple[Cell, Prepared]], first: int
    ) -> list[CellRow]:
        """Store the cells' experiments in the caller's transaction; gives the cells, from position `first` on."""
        return [
            CellRow(
                matrix_id=matrix,
                position=position,
                experiment_id=self.experiments.add(repository, new).id,
                row=cell.row,
                coordinates=dict(cell.coordinates),
            )
            for position, (cell, new) in enumerate(prepared, first)
        ]

    def _earlier(self, key: str | None, digest: str) -> MatrixView | None:
        if key is None:
            return None
        with self.database.read() as session:
            row = MatrixRepository(session).by_idempotency_key(key)
        if row is None:
            return None
        if row.body_hash != digest:
            raise KeyReused(f"this Idempotency-Key made {row.id} from another body; choose a new key")
        return self.get(row.id)

    def _cell(self, cell: CellRow, experiment: ExperimentRow, stages: Any) -> CellView:
        summary = self.views.summary(experiment, stages)
        return CellView(
            row=cell.row,
            coordinates=cell.coordinates,
            experiment=experiment.id,
            name=summary.name,
            state=summary.state,
            terminal=summary.terminal,
            progress=summary.progress,
            failure=summary.failure,
        )

    def _summary(self, row: MatrixRow, states: list[str]) -> MatrixSummary:
        own = f"{self.views.api}/v1/matrices/{row.id}"
        return MatrixSummary(
            id=row.id,
            name=row.name,
            terminal=all(State(state).terminal for state in states),
            created_at=row.created_at,
            counts={State(state): count for state, count in sorted(Counter(states).items())},
            links=MatrixLinks(
                self_=own,
                table=f"{own}/table",
                report=f"{own}/report",
                experiments=f"{self.views.api}/v1/experiments?matrix={row.id}",
            ),
        )


def _known(cell: CellRow, experiment: ExperimentRow) -> KnownCell:
    spec = ExperimentSpec.model_validate_json(experiment.spec)
    return KnownCell(row=cell.row, coordinates=cell.coordinates, identity=identity_of(spec))


def found_matrix(repository: MatrixRepository, identifier: str, *, lock: bool = False) -> MatrixRow:
    """The matrix of that id; with `lock`, nobody else changes it until the transaction ends. Raises NotFound."""
    row = repository.get(identifier, lock=lock)
    if row is None:
        raise NotFound(f"no matrix {identifier[:40]}; GET /v1/matrices lists them")
    return row


def cell_plans(cells: Iterable[tuple[CellRow, ExperimentRow]]) -> list[CellPlan]:
    """The cells as tables and reports take them."""
    return [_cell_plan(cell, experiment) for cell, experiment in cells]


def _cell_plan(cell: CellRow, experiment: ExperimentRow) -> CellPlan:
    state = State(experiment.state)
    return CellPlan(
        row=cell.row,
        experiment=experiment.id,
        spec=ExperimentSpec.model_validate_json(experiment.spec),
        plan=Plan.model_validate_json(experiment.plan),
        state=state,
        failed=state in (State.FAILED, State.CANCELLED),
        message=str((experiment.failure or {}).get("message", "no failure is recorded")),
    )
