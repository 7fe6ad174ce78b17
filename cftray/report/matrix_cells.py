"""A matrix's cells with their stages: each stage that several cells share is read, and counted, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cftray.plan import StageNode
from cftray.report.analysed import Analysed, analysed
from cftray.report.facts import Stages
from cftray.report.matrix import CellPlan, MatrixRow, MatrixTable, matrix_table
from cftray.spec import label_of
from cftray.store import Record, Store

PLAIN = "none"
"""What the mitigation of a plain phase 2 is called."""
MOST_NAMED = 7
"""Rows that are named one by one."""


@dataclass(slots=True, kw_only=True)
class SharedStage:
    """A stage, whichever cells need it: `users` are their experiments."""

    node: StageNode
    record: Record | None
    users: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """`cells`, `stages` and `analyses` are by experiment, `distinct` are all stages by fingerprint, in the
    cells' order."""

    table: MatrixTable
    cells: Mapping[str, CellPlan]
    stages: Mapping[str, Stages]
    distinct: Mapping[str, SharedStage]
    analyses: Mapping[str, Sequence[Analysed]]

    def rows(self) -> Iterator[tuple[str, MatrixRow]]:
        """(phase 1, row) of every row of the table."""
        for group in self.table.groups:
            for row in group.rows:
                yield group.phase1, row

    def mitigation(self, row: MatrixRow) -> str:
        """The paper's name of a row's mitigation; `PLAIN` for none."""
        return label_of(self.cells[row.experiments[0]].spec.phase2.mitigation)

    def in_words(self, labels: Sequence[str]) -> str:
        """Some of the table's rows: all of them, their names, or of many how many they are and the first names."""
        names = list(dict.fromkeys(labels))
        if len(names) > 1 and len(names) == len({row.label for _, row in self.rows()}):
            return "all rows"
        if len(names) <= MOST_NAMED:
            return ", ".join(names)
        return f"{len(names)} rows: {', '.join(names[: MOST_NAMED - 2])} …"

    @property
    def finished(self) -> int:
        """Cells that are over and came to scores."""
        return sum(not cell.open and not cell.failed for cell in self.cells.values())

    @property
    def scored(self) -> bool:
        """Whether some cell is finished: both its models are evaluated, or it is over and its P1 is."""
        return any(
            any(replica.complete for replica in row.results.replicas)
            or (row.results.rows and any(not self.cells[one].open for one in row.experiments))
            for _, row in self.rows()
        )

    @property
    def complete(self) -> bool:
        """Whether every cell is over."""
        return not any(cell.open for cell in self.cells.values())


def gathered(name: str, cells: Sequence[CellPlan], store: Store) -> Gathered:
    """All that there is of the cells. Raises InternalError where scores can't be read."""
    distinct: dict[str, SharedStage] = {}
    stages: dict[str, Stages] = {}
    for cell in cells:
        own: list[tuple[StageNode, Record | None]] = []
        for node in cell.plan.stages:
            if node.fingerprint is None:
                own.append((node, None))
                continue
            if node.fingerprint not in distinct:
                distinct[node.fingerprint] = SharedStage(node=node, record=store.record(node.fingerprint))
            shared = distinct[node.fingerprint]
            shared.users.append(cell.experiment)
            own.append((node, shared.record))
        stages[cell.experiment] = own
    return Gathered(
        table=matrix_table(name, cells, store),
        cells={cell.experiment: cell for cell in cells},
        stages=stages,
        distinct=distinct,
        analyses={cell.experiment: analysed(cell.spec, cell.plan, store) for cell in cells},
    )
