"""A matrix's tables in full, as sheets: every benchmark, mean and language that any row has.

The layouts of the paper's tables are in `cftray.report.layouts`; these show what those leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cftray.data.scores import BY_LANGUAGE, Level
from cftray.report.grid import (
    ABSENT,
    SUITES,
    Column,
    benchmark_name,
    columns_over,
    interval_text,
    noise_text,
    score_text,
    seeds_text,
    signed,
)
from cftray.report.layouts import EFFECTS, Cell, Section, Sheet, SheetLine
from cftray.report.matrix import MatrixGroup, MatrixRow, MatrixTable
from cftray.report.views import Row


def suite_sheets(table: MatrixTable) -> list[Sheet]:
    """A sheet a suite: benchmarks, the mean with its interval, groups of languages, and the mean against plain P2."""
    found: dict[str, list[Column]] = {}
    for one in columns_over(row.results for row in _rows(table)):
        found.setdefault(one.suite, []).append(one)
    return [
        _sheet(table, SUITES.get(suite, suite), own, against=suite)
        for suite, own in sorted(found.items(), key=lambda item: list(SUITES).index(item[0]))
    ]


def language_sheets(table: MatrixTable) -> list[Sheet]:
    """A sheet of each benchmark of language ability: its languages."""
    found: dict[str, dict[str, Column]] = {}
    for row in _rows(table):
        for one in row.results.rows:
            if one.level is Level.PART and one.suite == BY_LANGUAGE and not one.paper:
                own = found.setdefault(str(one.benchmark), {})
                own.setdefault(
                    one.key, Column(suite=one.suite, label=str(one.language), key=one.key, level=one.level, row=None)
                )
    return [_sheet(table, benchmark_name(benchmark), list(own.values())) for benchmark, own in found.items()]


def seed_sheet(table: MatrixTable) -> Sheet | None:
    """Each seed's means and what became of them; None where no row has several."""
    if all(len(row.results.replicas) < 2 for row in _rows(table)):
        return None
    suites = [suite for suite in SUITES if any(one.key == suite for row in _rows(table) for one in row.results.rows)]
    heads = tuple(f"{suite.upper()} {what}" for suite in suites for what in ("P1", "P2"))
    sections = [
        Section(
            title=f"phase 1: {group.phase1}",
            lines=tuple(
                SheetLine(label=f"{row.label}, seed {replica.seed}", cells=tuple(_of_seed(replica.rows, suites)))
                for row in group.rows
                for replica in row.results.replicas
                if replica.complete
            ),
        )
        for group in table.groups
    ]
    return Sheet(caption="Seed by seed", spans=(), heads=heads, sections=tuple(sections), notes=())


def _rows(table: MatrixTable) -> Iterator[MatrixRow]:
    for group in table.groups:
        yield from group.rows


def _of_seed(rows: Sequence[Row], suites: Sequence[str]) -> Iterator[Cell]:
    for suite in suites:
        mean = next((one for one in rows if one.key == suite), None)
        yield Cell(text=score_text(mean.p1 if mean else None))
        yield _second(mean, mean=True)


def _sheet(table: MatrixTable, caption: str, shape: Sequence[Column], against: str | None = None) -> Sheet:
    compared = against is not None and any(against in row.against_plain for row in _rows(table))
    suite = against if compared else None
    return Sheet(
        caption=caption,
        spans=(),
        heads=(*(one.label for one in shape), *(["mean against P2"] if compared else [])),
        sections=tuple(
            Section(title=f"phase 1: {group.phase1}", lines=tuple(_lines(group, shape, suite)))
            for group in table.groups
        ),
        notes=(),
    )


def _lines(group: MatrixGroup, shape: Sequence[Column], suite: str | None) -> Iterator[SheetLine]:
    """P1 and its noise floor; each phase 2, and how far its seeds lie apart."""
    rest = (Cell(text=""),) if suite is not None else ()

    def line(label: str, row: MatrixRow, cell: Callable[[Row | None, bool], Cell], *, minor: bool = False) -> SheetLine:
        found = {one.key: one for one in row.results.rows}
        cells = (*(cell(found.get(one.key), one.mean) for one in shape), *rest)
        return SheetLine(label=label, cells=cells, minor=minor)

    first = next((row for row in group.rows if row.results.rows), None)
    if first is not None:
        name = f"P1{group.seeds_of(first)}"
        yield line(name, first, lambda one, mean: Cell(text=score_text(one.p1 if one else None), strong=mean))
        if any(one.noise is not None for one in first.results.rows):
            yield line("noise floor", first, lambda one, _: Cell(text=noise_text(one)), minor=True)
    for row in group.rows:
        label = f"{row.label}{group.seeds_of(row)}"
        whole = line(label, row, lambda one, mean: _second(one, mean=mean))
        yield SheetLine(label=label, cells=(*whole.cells[: len(shape)], *_against(row, suite)))
        if len(row.results.seeds) > 1:
            title = f"sd of {len(row.results.seeds)} seeds"
            yield line(title, row, lambda one, _: Cell(text=seeds_text(one.change if one else None)), minor=True)


def _second(row: Row | None, *, mean: bool) -> Cell:
    """P2's score with the change since P1, of a mean with its interval."""
    change = row.change if row is not None else None
    if row is None or row.p2 is None:
        return Cell(text=ABSENT, strong=mean)
    interval = f" {interval_text(change)}" if mean and change is not None else ""
    return Cell(
        text=score_text(row.p2),
        verdict=change.verdict if change is not None else None,
        tail=f"{signed(change.difference)}{interval}" if change is not None else "",
        strong=mean,
    )


def _against(row: MatrixRow, suite: str | None) -> Iterator[Cell]:
    if suite is None:
        return
    change = row.against_plain.get(suite)
    if change is None:
        yield Cell(text="")
    else:
        text = f"{signed(change.difference)} {interval_text(change)}"
        yield Cell(text=text, verdict=EFFECTS[row.effects[suite]])
