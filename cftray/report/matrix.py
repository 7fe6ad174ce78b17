"""A matrix as one table in the layout of the paper's Table D1: P1, then each phase 2 beside it.

    phase 1 on instruct-mini     TA: IFEval … mean   LA: MLQA … mean    against plain P2: TA, LA
      P1                         score
      P2                         score, change since P1
      GR_10                      score, change since P1                 helps / hurts / inside the noise

Rows are over all replicas (seeds) that are evaluated; changes are paired by item and by seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.plan import Plan, canonical
from cftray.report.results import against, corrected_together, results_over
from cftray.report.views import Change, Results
from cftray.spec import ExperimentSpec, NoMitigation, label_of
from cftray.store import Store

SUCCEEDED = "succeeded"


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Effect(StrEnum):
    """What a mitigation did to a mean, set against plain phase 2."""

    HELPS = "helps"
    HURTS = "hurts"
    NOISE = "inside the noise"


class MatrixRow(_View):
    """One row: a phase 2 over its replicas. `sd` is over seeds and null for one.

    `against_plain` holds the change of each suite's mean against the plain phase 2 of the same phase 1 and data,
    corrected for all such comparisons of the table, `effects` its verdict; both are empty for that row
    itself and where there is no plain row.
    """

    label: str
    experiments: tuple[str, ...]
    results: Results
    against_plain: dict[str, Change]
    effects: dict[str, Effect]


class MatrixGroup(_View):
    """Rows that share their phase 1 and are scored alike."""

    phase1: str
    rows: tuple[MatrixRow, ...]

    def seeds_of(self, row: MatrixRow) -> str:
        """` (seeds 17, 18)` where rows are over different ones."""
        seeds = row.results.seeds
        differ = len({one.results.seeds for one in self.rows if one.results.rows}) > 1
        if not differ or not seeds:
            return ""
        return f" ({'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))})"


class FailedCell(_View):
    """A cell that came to no scores, and why."""

    label: str
    seeds: tuple[int, ...]
    experiment: str
    state: str
    message: str


class MatrixTable(_View):
    """`complete` when every cell has both its models evaluated."""

    name: str
    complete: bool
    groups: tuple[MatrixGroup, ...]
    failed: tuple[FailedCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """What the table needs of a cell; `state` and `message` where it failed."""

    row: str
    experiment: str
    spec: ExperimentSpec
    plan: Plan
    state: str
    failed: bool
    message: str

    @property
    def open(self) -> bool:
        """Whether it is not over yet."""
        return not self.failed and self.state != SUCCEEDED


def matrix_table(name: str, cells: Sequence[CellPlan], store: Store) -> MatrixTable:
    """The table as far as there are records. Raises InternalError where scores can't be read."""
    groups: dict[str, list[CellPlan]] = {}
    for cell in cells:
        groups.setdefault(_first(cell.spec), []).append(cell)
    there = [members for members in groups.values() if not all(cell.failed for cell in members)]
    shown = _corrected([_group(members, store) for members in there])
    rows = [row for group in shown for row in group.rows]
    failed = tuple(
        FailedCell(
            label=cell.row, seeds=cell.spec.seeds, experiment=cell.experiment, state=cell.state, message=cell.message
        )
        for cell in cells
        if cell.failed
    )
    complete = not failed and all(row.results.complete for row in rows)
    return MatrixTable(name=name, complete=complete, groups=shown, failed=failed)


def _corrected(groups: Sequence[MatrixGroup]) -> tuple[MatrixGroup, ...]:
    """Changes against plain phase 2 as comparisons of one table, with their effects."""
    every = {
        (group, row, suite): change
        for group, of in enumerate(groups)
        for row, one in enumerate(of.rows)
        for suite, change in one.against_plain.items()
    }
    together = corrected_together(every)

    def corrected(group: int, row: int, one: MatrixRow) -> MatrixRow:
        changes = {suite: together[group, row, suite] for suite in one.against_plain}
        effects = {suite: EFFECTS[change.verdict] for suite, change in changes.items()}
        return one.model_copy(update={"against_plain": changes, "effects": effects})

    return tuple(
        of.model_copy(update={"rows": tuple(corrected(group, row, one) for row, one in enumerate(of.rows))})
        for group, of in enumerate(groups)
    )


def _first(spec: ExperimentSpec) -> str:
    parts = {"base": spec.base, "phase1": spec.phase1, "template": spec.template, "evaluation": spec.evaluation}
    return canonical(parts)


def _group(cells: Sequence[CellPlan], store: Store) -> MatrixGroup:
    rows: dict[str, list[CellPlan]] = {}
    for cell in cells:
        rows.setdefault(cell.row, []).append(cell)
    shown = {label: of for label, members in rows.items() if (of := [cell for cell in members if not cell.failed])}
    made = tuple(_row(label, members, _plain(rows, members[0].spec), store) for label, members in shown.items())
    return MatrixGroup(phase1=_phase1(cells[0].spec), rows=made)


def _plain(rows: dict[str, list[CellPlan]], spec: ExperimentSpec) -> list[CellPlan]:
    """The cells that did not fail of the one row without mitigation whose phase 2 is otherwise that of `spec`.

    None where there are several, since then it is unclear which one is meant; one that failed counts for that too.
    """
    found = [
        members
        for members in rows.values()
        if label_of(members[0].spec.phase2.mitigation) == "none" and _second(members[0].spec) == _second(spec)
    ]
    return [cell for cell in found[0] if not cell.failed] if len(found) == 1 else []


def _second(spec: ExperimentSpec) -> str:
    return canonical({"phase2": spec.phase2.model_copy(update={"mitigation": NoMitigation()})})


def _row(label: str, cells: Sequence[CellPlan], plain: Sequence[CellPlan], store: Store) -> MatrixRow:
    plans = [cell.plan for cell in cells]
    changes: dict[str, Change] = {}
    if plain and cells[0] not in plain:
        rows = against([cell.plan for cell in plain], plans, store)
        means = [row for row in rows if row.level is Level.SUITE and not row.paper]
        changes = {row.suite: row.change for row in means if row.change is not None}
    return MatrixRow(
        label=label,
        experiments=tuple(cell.experiment for cell in cells),
        results=results_over(plans, store),
        against_plain=changes,
        effects={},
    )


EFFECTS = {Verdict.RISES: Effect.HELPS, Verdict.FALLS: Effect.HURTS, Verdict.NOISE: Effect.NOISE}


def _phase1(spec: ExperimentSpec) -> str:
    if spec.phase1.adopt is not None:
        return spec.phase1.adopt.model
    assert spec.phase1.train is not None
    return spec.phase1.train.data.source
