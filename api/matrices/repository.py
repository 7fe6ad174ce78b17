"""Queries about matrices. Every method works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from api.tables import CellRow, ExperimentRow, MatrixRow


class MatrixRepository:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def add(self, row: MatrixRow, cells: Iterable[CellRow]) -> None:
        """Store a matrix; its experiments have to be there already."""
        self.session.add(row)
        self.session.flush()
        self.add_cells(cells)

    def add_cells(self, cells: Iterable[CellRow]) -> None:
        """Store cells of a matrix that is there; likewise."""
        self.session.add_all(cells)
        self.session.flush()

    def get(self, identifier: str, *, lock: bool = False) -> MatrixRow | None:
        """The matrix of that id; with `lock`, nobody else changes it until the transaction ends."""
        query = select(MatrixRow).where(MatrixRow.id == identifier)
        return self.session.scalar(query.with_for_update() if lock else query)

    def by_idempotency_key(self, key: str) -> MatrixRow | None:
        """The matrix that was POSTed with that key."""
        return self.session.scalar(select(MatrixRow).where(MatrixRow.idempotency_key == key))

    def page(self, after: int | None, limit: int) -> Sequence[MatrixRow]:
        """Matrices, the newest first, older than sequence number `after`."""
        query = select(MatrixRow).options(defer(MatrixRow.document)).order_by(MatrixRow.seq.desc()).limit(limit)
        return self.session.scalars(query if after is None else query.where(MatrixRow.seq < after)).all()

    def cells(self, identifier: str) -> list[tuple[CellRow, ExperimentRow]]:
        """The cells in order, each with its experiment."""
        query = select(CellRow, ExperimentRow).join(ExperimentRow, ExperimentRow.id == CellRow.experiment_id)
        query = query.where(CellRow.matrix_id == identifier).order_by(CellRow.position)
        return [(cell, experiment) for cell, experiment in self.session.execute(query)]

    def of(self, experiment: str) -> Sequence[MatrixRow]:
        """The matrices that the experiment is a cell of."""
        query = select(MatrixRow).join(CellRow, CellRow.matrix_id == MatrixRow.id)
        return self.session.scalars(query.where(CellRow.experiment_id == experiment)).all()

    def states(self, identifiers: Iterable[str]) -> dict[str, list[str]]:
        """The states of the cells of several matrices, by id."""
        found: dict[str, list[str]] = {identifier: [] for identifier in identifiers}
        query = select(CellRow.matrix_id, ExperimentRow.state).join(
            ExperimentRow, ExperimentRow.id == CellRow.experiment_id
        )
        for identifier, state in self.session.execute(query.where(CellRow.matrix_id.in_(found))):
            found[identifier].append(state)
        return found
