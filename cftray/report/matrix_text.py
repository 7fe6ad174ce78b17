"""A matrix's table for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cftray.data.scores import Level
from cftray.report.grid import (
    ABSENT,
    Column,
    change_text,
    columns,
    columns_over,
    interval_text,
    noise_text,
    score_text,
    seeds_text,
    signed,
)
from cftray.report.matrix import Effect, MatrixGroup, MatrixRow, MatrixTable
from cftray.report.notes import notes
from cftray.report.tables import STYLES, heads
from cftray.report.views import Change, Row

Cells = tuple[str, Sequence[str]]
"""A row's label and its cells."""

EFFECT_STYLES = {Effect.HELPS: "green", Effect.HURTS: "red", Effect.NOISE: "dim"}
MARKS = {Effect.HELPS: "helps", Effect.HURTS: "hurts", Effect.NOISE: "~"}
WIDE = 180
"""Columns of a terminal from which both suites stand side by side."""
LEGEND = (
    "score and change since P1: ▲ rises ▼ falls ~ inside the noise; against P2: the mean set against a plain phase 2, "
    "paired by item and seed (95 %; Holm over the row's changes, and over all comparisons against P2; a verdict needs "
    "all seeds on one side, and a change above the noise floor where there is one; scores × 100)"
)


def terminal_matrix(table: MatrixTable, width: int = WIDE) -> RenderableType:
    """A table a phase 1, a suite each where it is narrow; the failed cells under them."""
    parts: list[RenderableType] = []
    for group in table.groups:
        whole = _shape(group)
        suites = _suites(whole)
        for block in [suites] if width >= WIDE else [[suite] for suite in suites]:
            shape = [column for column in whole if column.suite in block]
            grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
            grid.add_column(f"phase 1: {group.phase1}", no_wrap=True)
            for head in [*heads(shape), *_against_heads(shape)]:
                grid.add_column(head, justify="right", no_wrap=True)
            for label, cells in _lines(group, shape):
                row = next((one for one in group.rows if one.label == label), None)
                grid.add_row(label, *_styled(cells, row, shape))
            parts += [grid, Text()]
    parts += [Text(f"{cell}", style="red") for cell in _failures(table)]
    parts += [Text(note, style="dim") for note in (LEGEND, *matrix_notes(table))]
    return Group(*parts)


def markdown_matrix(table: MatrixTable) -> str:
    """GitHub's Markdown, a table a phase 1."""
    lines: list[str] = []
    for group in table.groups:
        shape = _shape(group)
        over = [f"phase 1: {group.phase1}", *_heads(shape)]
        lines += [_piped(over), _piped(["---", *["---:"] * (len(over) - 1)])]
        lines += [_piped([label, *cells]) for label, cells in _lines(group, shape)] + [""]
    lines += [f"- {cell}" for cell in _failures(table)]
    told = [f"- {note}" for note in matrix_notes(table)]
    return "\n".join([*lines, LEGEND, "", *told, *[""] * bool(told)])


CSV_FIELDS = (
    "phase1", "row", "seeds", "key", "metric", "p1", "p2", "difference", "low", "high", "p_adjusted", "noise",
    "verdict", "seeds_sd",
    "against_plain", "against_plain_low", "against_plain_high", "effect",
)  # fmt: skip


def csv_matrix(table: MatrixTable) -> str:
    """Every score of every row with full figures, 0 to 1."""
    target = io.StringIO()
    writer = csv.DictWriter(target, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for group in table.groups:
        for one in group.rows:
            for row in one.results.rows:
                writer.writerow(_csv_row(group.phase1, one, row))
    return target.getvalue()


def _csv_row(phase1: str, one: MatrixRow, row: Row) -> dict[str, object]:
    """Its suites' means by the metric shown are those that plain phase 2 is compared by."""
    headline = row.level is Level.SUITE and not row.paper
    plain = one.against_plain.get(row.suite) if headline else None
    found: dict[str, object] = {
        "phase1": phase1,
        "row": one.label,
        "seeds": " ".join(map(str, one.results.seeds)),
        "key": row.key,
        "metric": row.metric,
        "p1": row.p1.score if row.p1 else None,
        "p2": row.p2.score if row.p2 else None,
        "noise": row.noise,
    }
    if row.change is not None:
        wanted = {"difference", "low", "high", "p_adjusted", "verdict", "seeds_sd"}
        found |= row.change.model_dump(mode="json", include=wanted)
    if plain is not None:
        found |= {
            "against_plain": plain.difference,
            "against_plain_low": plain.low,
            "against_plain_high": plain.high,
            "effect": one.effects[row.suite].value,
        }
    return found


def _shape(group: MatrixGroup) -> list[Column]:
    return columns_over(row.results for row in group.rows)


def _suites(shape: Sequence[Column]) -> list[str]:
    return list(dict.fromkeys(column.suite for column in shape))


def _heads(shape: Sequence[Column]) -> list[str]:
    found, before = [], ""
    for column in shape:
        found.append(f"{column.suite.upper()}: {column.label}" if column.suite != before else column.label)
        before = column.suite
    return found + _against_heads(shape)


def _against_heads(shape: Sequence[Column]) -> list[str]:
    return [f"{suite.upper()} against P2" for suite in _suites(shape)]


def _lines(group: MatrixGroup, shape: Sequence[Column]) -> Iterator[Cells]:
    """P1's row, then each phase 2's; a change stands behind its score."""
    suites = _suites(shape)
    done = next((row for row in group.rows if row.results.rows), None)
    if done is not None:
        first = {column.key: column.row for column in columns(done.results)}
        yield f"P1{group.seeds_of(done)}", [*(_p1(first, column) for column in shape), *[""] * len(suites)]
        floors = [noise_text(first.get(column.key)) for column in shape]
        if any(floors):
            yield "  noise floor", [*floors, *[""] * len(suites)]
    for row in group.rows:
        found = {column.key: column.row for column in columns(row.results)}
        cells = []
        for column in shape:
            score = found.get(column.key)
            change = score.change if score else None
            told = f"{score_text(score.p2 if score else None)} {_close(change)}" if change else ABSENT
            cells.append(f"{told} {interval_text(change)}".strip() if column.mean and change else told)
        yield f"{row.label}{group.seeds_of(row)}", [*cells, *(_against(row, suite) for suite in suites)]
        if any(change.seeds_sd is not None for change in row.against_plain.values()) or len(row.results.seeds) > 1:
            sds = [_sd(found.get(column.key)) for column in shape]
            yield f"  sd of {len(row.results.seeds)} seeds", [*sds, *(_plain_sd(row, suite) for suite in suites)]


def _p1(first: Mapping[str, Row | None], column: Column) -> str:
    row = first.get(column.key)
    return score_text(row.p1 if row else None)


def _sd(row: Row | None) -> str:
    return seeds_text(row.change if row else None)


def _plain_sd(row: MatrixRow, suite: str) -> str:
    return seeds_text(row.against_plain.get(suite))


def _against(row: MatrixRow, suite: str) -> str:
    change: Change | None = row.against_plain.get(suite)
    if change is None:
        return ""
    return f"{signed(change.difference)} {interval_text(change)} {MARKS[row.effects[suite]]}"


def _close(change: Change) -> str:
    """`−1.4▼`: the columns are many."""
    return change_text(change).replace(" ", "")


def _styled(cells: Sequence[str], row: MatrixRow | None, shape: Sequence[Column]) -> list[Text]:
    if row is None:
        return [Text(cell, style="dim" if not cell else "") for cell in cells]
    found = {column.key: column.row for column in columns(row.results)}
    styles = []
    for column in shape:
        score = found.get(column.key)
        weight = "bold " if column.mean else ""
        styles.append(weight + STYLES[score.change.verdict] if score and score.change else "dim")
    styles += [EFFECT_STYLES[row.effects[suite]] if suite in row.effects else "" for suite in _suites(shape)]
    return [Text(cell, style=style.strip()) for cell, style in zip(cells, styles, strict=True)]


def _failures(table: MatrixTable) -> list[str]:
    return [
        f"{cell.label}, seeds {', '.join(map(str, cell.seeds))}: {cell.state} ({cell.experiment}): {cell.message}"
        for cell in table.failed
    ]


def matrix_notes(table: MatrixTable) -> list[str]:
    """What the rows' own tables would say under them; what several say alike, once."""
    rows: dict[str, list[str]] = {}
    for group in table.groups:
        for row in group.rows:
            for note in notes(row.results):
                rows.setdefault(note, []).append(row.label)
    return [f"{', '.join(dict.fromkeys(labels))}: {note}" for note, labels in rows.items()]


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
