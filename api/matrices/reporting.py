"""A matrix's report and its figures, from the records of its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

from api.database import Database
from api.matrices.repository import MatrixRepository
from api.matrices.service import cell_plans, found_matrix
from api.refusals import Conflict, NotFound
from cftray.report.matrix_cells import Gathered, gathered
from cftray.report.matrix_figures import matrix_figures
from cftray.report.matrix_page import page_of
from cftray.store import Store

Format = Literal["svg", "png"]


class MatrixReportService:
    """All read records, so they hold whatever happened to the jobs that wrote them."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.store = store

    def html(self, identifier: str) -> str:
        """The report, as far as cells are finished. Raises NotFound, or Conflict while none is."""
        document, found = self._gathered(identifier)
        return page_of(found, document, self.store, matrix=identifier)

    def figure(self, identifier: str, name: str, kind: Format) -> bytes:
        """A single figure. Raises NotFound, naming those there are, or Conflict while no cell is finished."""
        _, found = self._gathered(identifier)
        figures = matrix_figures(found, self.store)
        if name not in figures:
            known = ", ".join(figures) or "none"
            raise NotFound(f"{identifier} has no figure {name[:40]}; what its cells give a figure for: {known}")
        return figures[name].content(kind)

    def _gathered(self, identifier: str) -> tuple[Mapping[str, Any], Gathered]:
        with self.database.read() as session:
            repository = MatrixRepository(session)
            row = found_matrix(repository, identifier)
            cells = repository.cells(identifier)
        states = Counter(experiment.state for _, experiment in cells)
        found = gathered(row.name, cell_plans(cells), self.store)
        if not found.scored:
            told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            raise Conflict(f"{identifier} has no finished cell with scores ({told}); a report needs one")
        return row.document, found
