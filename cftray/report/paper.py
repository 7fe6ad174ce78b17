"""The paper's printed tables beside a run's figures, line by line and column by column.

A run's row is known by its key (`cftray.recipes.paper_key` tells it from a spec); a line of P1 takes its figures from
any row of that model and phase 1. Where results have the metric that the paper's figures fit, that one is compared.
Printed averages and the means of their own columns both stand there, and what does not fit is flagged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cftray.data.misprints import flags_of
from cftray.data.published import PLAIN, Line, PaperKey, PhaseName, PrintedTable, printed_tables
from cftray.data.scores import PAPER
from cftray.report.claims import Case, Judged, Moved, judge, judge_similarities
from cftray.report.matrix import MatrixTable
from cftray.report.results import Change, Results, Row, Score

SUITES: Final = ("ta", "la")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run's phase 2; `key` is null where the paper has nothing of the kind."""

    label: str
    key: PaperKey | None
    results: Results
    against_plain: Mapping[str, Change] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedLine:
    """A printed line, what is to be said against it, and the run's scores by column and suite where it has any."""

    line: Line
    flags: tuple[str, ...]
    label: str | None
    run: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A table as printed with a run beside it, or alone.

    `unmatched` are rows of the run that the table does not have, `further` those of which another row stands on their
    line already. `printed_claims` are judged by all of the paper's
    tables, `run_claims` by the run's rows; they are empty without a run.
    """

    table: PrintedTable
    lines: tuple[ComparedLine, ...]
    unmatched: tuple[str, ...]
    further: tuple[str, ...]
    printed_claims: tuple[Judged, ...]
    run_claims: tuple[Judged, ...]


def compare(table: str, rows: Sequence[RunRow] = (), *, model: str | None = None) -> Comparison:
    """The printed table `table` and a run's rows; `model` leaves out the lines of the other one."""
    printed = printed_tables()[table]
    lines = [line for line in printed.lines if model is None or line.key.model == model]
    found = tuple(_compared(printed, line, rows) for line in lines)
    fitting = [row.label for row in rows if row.key is not None and any(row.key.fits(line.key) for line in lines)]
    shown = {line.label for line in found}
    return Comparison(
        table=printed,
        lines=found,
        unmatched=tuple(row.label for row in rows if row.label not in fitting),
        further=tuple(label for label in fitting if label not in shown),
        printed_claims=(*judge(printed_cases()), *judge_similarities()),
        run_claims=judge(run_cases(rows)) if rows else (),
    )


def run_rows(table: MatrixTable, keys: Mapping[str, PaperKey | None]) -> tuple[RunRow, ...]:
    """A matrix's rows; `keys` by the rows' labels."""
    return tuple(
        RunRow(label=row.label, key=keys.get(row.label), results=row.results, against_plain=row.against_plain)
        for group in table.groups
        for row in group.rows
    )


def printed_cases() -> tuple[Case, ...]:
    """Every phase 2 of the paper's tables, by averages recomputed from their columns."""
    return (*_plain_cases(), *_mitigated_cases())


def run_cases(rows: Sequence[RunRow]) -> tuple[Case, ...]:
    """A run's phases 2 that the paper has, with the verdicts on their changes: all of them in the metric by which
    mitigations are set against plain phase 2, which need not be the paper's."""
    return tuple(_run_case(row.key, row) for row in rows if row.key is not None)


def _run_case(key: PaperKey, row: RunRow) -> Case:
    rows = {one.key: one for one in row.results.rows}
    changes = {suite: rows[suite].change for suite in SUITES if suite in rows}
    moved = {suite: Moved(difference=one.difference, verdict=one.verdict) for suite, one in changes.items() if one}
    plain = {
        suite: Moved(difference=one.difference, verdict=one.verdict) for suite, one in row.against_plain.items()
    }
    return Case(
        key=key,
        ta=moved.get("ta"),
        la=moved.get("la"),
        ta_plain=plain.get("ta"),
        la_plain=plain.get("la"),
        ta_score=found.p2.score if (found := rows.get("ta")) is not None and found.p2 is not None else None,
    )


def _plain_cases() -> Iterator[Case]:
    tables = printed_tables()
    for key in tables["C2"].rows():
        ta = next((found for name in ("1", "C1") if (found := _change(tables[name], key, "ta")) is not None), None)
        yield Case(key=key, ta=ta, la=_change(tables["C2"], key, "la"))


def _mitigated_cases() -> Iterator[Case]:
    """Table D1 against its own lines of P1 and of plain phase 2."""
    table = printed_tables()["D1"]
    for line in table.lines:
        plain = table.line(_plain(line.key), "p2")
        if line.phase == "p2" and line.key.strategy != PLAIN and plain is not None:
            first = table.line(_plain(line.key), "p1")
            since = {} if first is None else _apart(line, first)
            against = _apart(line, plain)
            yield Case(
                key=line.key,
                ta=since.get("ta"),
                la=since.get("la"),
                ta_plain=against["ta"],
                la_plain=against["la"],
                ta_score=line.recomputed["ta"],
            )


def _plain(key: PaperKey) -> PaperKey:
    return PaperKey(model=key.model, phase1=key.phase1, phase2=key.phase2)


def _change(table: PrintedTable, key: PaperKey, suite: str) -> Moved | None:
    first, second = table.line(key, "p1"), table.line(key, "p2")
    return None if first is None or second is None else _apart(second, first)[suite]


def _apart(line: Line, other: Line) -> dict[str, Moved]:
    """The line's recomputed averages minus the other's."""
    return {suite: Moved(difference=value - other.recomputed[suite]) for suite, value in line.recomputed.items()}


def _compared(table: PrintedTable, line: Line, rows: Sequence[RunRow]) -> ComparedLine:
    columns = (*table.columns, *(table.suites if table.benchmark is None else ()))
    for row in rows:
        if row.key is not None and _belongs(row.key, line):
            found = {column: _score(row.results, column, line.phase) for column in columns}
            scores = {column: score for column, score in found.items() if score is not None}
            if scores:
                return ComparedLine(line=line, flags=flags_of(table, line), label=row.label, run=scores)
    return ComparedLine(line=line, flags=flags_of(table, line), label=None, run={})


def _belongs(key: PaperKey, line: Line) -> bool:
    if line.phase == "p2":
        return key.fits(line.key)
    return key.model in (line.key.model, None) and key.phase1 == line.key.phase1


def _score(results: Results, key: str, phase: PhaseName) -> float | None:
    row = _row(results, key)
    score: Score | None = None if row is None else row.p1 if phase == "p1" else row.p2
    return None if score is None else score.score


def _row(results: Results, key: str) -> Row | None:
    """By the paper's metric where there is one."""
    rows = {row.key: row for row in results.rows if row.key in (key, PAPER + key)}
    return rows.get(PAPER + key, rows.get(key))
