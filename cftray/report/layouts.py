"""A matrix's scores in the layouts of the paper's tables, before they become LaTeX or HTML.

    D1          rows: P1, then each phase 2          columns: both suites with their means; means against plain P2
    1, C1       rows: cells                          columns: task ability, P1 and P2 side by side, and the mean
    C2          rows: cells                          columns: language ability likewise
    C3, C4, C5  rows: cells                          columns: languages of MLQA, XLSum, XQuAD, P1's and then P2's

A section holds the rows that share their phase 1. Scores are times 100. A benchmark that no row has leaves no column;
a score that is not there is a dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from cftray.data.published import printed_tables
from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.grid import (
    ABSENT,
    SUITES,
    benchmark_name,
    interval_text,
    score_text,
    signed,
)
from cftray.report.matrix import Effect, MatrixGroup, MatrixRow, MatrixTable
from cftray.report.results import Row

MEAN: Final = "mean"
EFFECTS: Final = {Effect.HELPS: Verdict.RISES, Effect.HURTS: Verdict.FALLS, Effect.NOISE: Verdict.NOISE}


class Layout(StrEnum):
    """A table of the paper."""

    TABLE_1 = "1"
    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"
    D1 = "D1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A score or a difference, the verdict whose sign stands behind it, and what stands behind that."""

    text: str
    verdict: Verdict | None = None
    tail: str = ""
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A head over several columns."""

    text: str
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """A row; `minor`: of less weight than those it stands under."""

    label: str
    cells: tuple[Cell, ...]
    minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows under a title."""

    title: str
    lines: tuple[SheetLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A laid-out table; every row has a cell for each of `heads`, over which `spans` stand."""

    caption: str
    spans: tuple[Span, ...]
    heads: tuple[str, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


def sheet(table: MatrixTable, layout: Layout) -> Sheet:
    """The matrix in a layout."""
    if layout is Layout.D1:
        return _mitigations(table)
    if layout in (Layout.TABLE_1, Layout.C1, Layout.C2):
        return _phases(table, layout)
    return _languages(table, layout)


def _mitigations(table: MatrixTable) -> Sheet:
    suites = {suite: _keys(table, printed_tables()["D1"].columns, suite) for suite in SUITES}
    suites = {suite: keys for suite, keys in suites.items() if keys}
    spans = [Span(text=SUITES[suite], columns=len(keys)) for suite, keys in suites.items()]
    compared = [suite for suite in suites if any(suite in row.against_plain for row in _rows(table))]
    if compared:
        spans.append(Span(text="mean against P2", columns=len(compared)))
    keys = [key for of_suite in suites.values() for key in of_suite]
    return Sheet(
        caption=f"{table.name}: mitigations in phase 2",
        spans=tuple(spans),
        heads=(*(_head(key) for key in keys), *(suite.upper() for suite in compared)),
        sections=tuple(_mitigated(group, keys, compared) for group in table.groups),
        notes=_notes(table, "in brackets the mean's change since P1 with half of its 95 % interval"),
    )


def _mitigated(group: MatrixGroup, keys: Sequence[str], compared: Sequence[str]) -> Section:
    """P1 once, since the rows share it, and then each phase 2."""
    lines = []
    first = next((row for row in group.rows if row.results.rows), None)
    if first is not None:
        scores = [_score(first, key, "p1") for key in keys]
        lines.append(SheetLine(label="P1", cells=(*scores, *[Cell(text="")] * len(compared))))
    for row in group.rows:
        cells = [_score(row, key, "p2", told=True) for key in keys]
        lines.append(SheetLine(label=row.label, cells=(*cells, *(_against(row, suite) for suite in compared))))
    return Section(title=f"phase 1: {group.phase1}", lines=tuple(lines))


def _against(row: MatrixRow, suite: str) -> Cell:
    change = row.against_plain.get(suite)
    if change is None:
        return Cell(text="")
    effect = row.effects.get(suite)
    verdict = EFFECTS[effect] if effect is not None else None
    return Cell(text=f"{signed(change.difference)} {interval_text(change)}", verdict=verdict)


def _phases(table: MatrixTable, layout: Layout) -> Sheet:
    suite = "la" if layout is Layout.C2 else "ta"
    keys = _keys(table, printed_tables()[layout].columns, suite)
    sections = [
        Section(
            title=f"phase 1: {group.phase1}",
            lines=tuple(
                SheetLine(label=row.label, cells=tuple(cell for key in keys for cell in _both(row, key)))
                for row in group.rows
            ),
        )
        for group in table.groups
    ]
    return Sheet(
        caption=f"{table.name}: {SUITES[suite].lower()}",
        spans=tuple(Span(text=_head(key), columns=2) for key in keys),
        heads=("P1", "P2") * len(keys),
        sections=tuple(sections),
        notes=_notes(table),
    )


def _both(row: MatrixRow, key: str) -> tuple[Cell, Cell]:
    return _score(row, key, "p1"), _score(row, key, "p2")


def _languages(table: MatrixTable, layout: Layout) -> Sheet:
    printed = printed_tables()[layout]
    benchmark = str(printed.benchmark)
    order = {column: place for place, column in enumerate(printed.columns)}
    there = {one.key for row in _rows(table) for one in row.results.rows if _part_of(one, benchmark)}
    keys = sorted(there, key=lambda key: (order.get(key, len(order)), key))
    sections = [
        Section(
            title=f"phase 1: {group.phase1}",
            lines=tuple(
                SheetLine(
                    label=row.label,
                    cells=(*(_score(row, key, "p1") for key in keys), *(_score(row, key, "p2") for key in keys)),
                )
                for row in group.rows
            ),
        )
        for group in table.groups
    ]
    name = benchmark_name(benchmark.partition("/")[2])
    return Sheet(
        caption=f"{table.name}: {name} by language",
        spans=tuple(Span(text=f"{name}, {phase}", columns=len(keys)) for phase in ("P1", "P2")) if keys else (),
        heads=tuple(key.rpartition("/")[2] for key in keys) * 2,
        sections=tuple(sections),
        notes=_notes(table),
    )


def _part_of(row: Row, benchmark: str) -> bool:
    return row.level is Level.PART and row.key.startswith(f"{benchmark}/")


def _keys(table: MatrixTable, columns: Iterable[str], suite: str) -> list[str]:
    """The paper's columns of a suite that some row has, and the suite's mean."""
    there = {one.key for row in _rows(table) for one in row.results.rows}
    found = [column for column in columns if column.startswith(f"{suite}/") and column in there]
    return [*found, suite] if found else []


def _rows(table: MatrixTable) -> Iterator[MatrixRow]:
    for group in table.groups:
        yield from group.rows


def _head(key: str) -> str:
    return benchmark_name(key.partition("/")[2]) if "/" in key else MEAN


def _score(row: MatrixRow, key: str, phase: Literal["p1", "p2"], *, told: bool = False) -> Cell:
    """A model's score; P2's with the verdict on its change, and of a mean the change itself where `told`."""
    found = next((one for one in row.results.rows if one.key == key), None)
    mean = "/" not in key
    if found is None or (found.p1 if phase == "p1" else found.p2) is None:
        return Cell(text=ABSENT, strong=mean)
    change = found.change if phase == "p2" else None
    tail = f"({signed(change.difference)} {interval_text(change)})" if change is not None and mean and told else ""
    return Cell(
        text=score_text(found.p1 if phase == "p1" else found.p2),
        verdict=change.verdict if change is not None else None,
        tail=tail,
        strong=mean,
    )


def _notes(table: MatrixTable, *more: str) -> tuple[str, ...]:
    seeds = sorted({len(row.results.seeds) for row in _rows(table)})
    over = " or ".join(map(str, seeds))
    told = [
        "Scores × 100; ▲ rises, ▼ falls, ~ inside the noise, of P2 against P1 (95 %, paired by item, Holm)",
        *more,
        *([f"means over {over} seeds"] if any(count > 1 for count in seeds) else []),
    ]
    failed = [
        f"{cell.label}, seeds {', '.join(map(str, cell.seeds))}: {cell.state}: {cell.message.partition(chr(10))[0]}."
        for cell in table.failed
    ]
    return ("; ".join(told) + ".", *_metrics(table), *failed)


def _metrics(table: MatrixTable) -> tuple[str, ...]:
    """Which metric a column shows, where the results say."""
    shown = {
        str(one.benchmark): one.metric
        for row in _rows(table)
        for one in row.results.rows
        if one.level is Level.BENCHMARK and one.metric and not one.key.startswith("paper/")
    }
    told = ", ".join(f"{benchmark_name(benchmark)} {metric}" for benchmark, metric in shown.items())
    return (f"Metrics: {told}.",) if told else ()
