"""What does not fit together in the paper's printed tables: found by arithmetic, told, never mended.

- a printed average that is not the mean of its own columns
- a figure that another table prints otherwise for the same model, or a mean over languages that Table C2 does
- lines of different models that agree in every column
- slips that somebody noticed (`cftray.data.published.slips`)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cftray.data.published import Line, PrintedTable, mean, printed_tables, slips

TOLERANCE: Final = 0.005
"""How far a printed mean may be from that of printed columns: more than rounding, and beyond it an inconsistency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A printed average that is not the mean of its line's columns."""

    table: str
    line: Line
    suite: str
    printed: float
    recomputed: float


def disagreements(table: PrintedTable) -> tuple[Disagreement, ...]:
    """Every average of the table that disagrees with its own columns."""
    return tuple(
        Disagreement(table=table.name, line=line, suite=suite, printed=average, recomputed=line.recomputed[suite])
        for line in table.lines
        for suite, average in line.averages.items()
        if abs(average - line.recomputed[suite]) > TOLERANCE
    )


def flags_of(table: PrintedTable, line: Line) -> tuple[str, ...]:
    """Everything that is to be said against a printed line, a sentence each."""
    found = (_average_flags, _elsewhere_flags, _language_flags, _repeated_flags, _slip_flags)
    return tuple(flag for flags in found for flag in flags(table, line))


def _average_flags(table: PrintedTable, line: Line) -> Iterator[str]:
    for one in disagreements(table):
        if one.line is line:
            yield (
                f"{one.suite.upper()} average: printed {one.printed:.3f}, its columns give {one.recomputed:.3f} "
                f"({one.printed - one.recomputed:+.3f})"
            )


def _elsewhere_flags(table: PrintedTable, line: Line) -> Iterator[str]:
    """The same model's same column in another table."""
    for other in printed_tables().values():
        twin = other.line(line.key, line.phase) if other.name != table.name else None
        for column, score in line.scores.items():
            if twin is not None and twin.scores.get(column, score) != score:
                yield f"{column} is {score:.3f} here, {twin.scores[column]:.3f} in Table {other.name}"


def _language_flags(table: PrintedTable, line: Line) -> Iterator[str]:
    if table.benchmark is None:
        return
    twin = printed_tables()["C2"].line(line.key, line.phase)
    over = mean(list(line.scores.values()))
    if twin is not None and abs(twin.scores[table.benchmark] - over) > TOLERANCE:
        yield f"the mean over its languages is {over:.3f}, Table C2 prints {twin.scores[table.benchmark]:.3f}"


def _repeated_flags(table: PrintedTable, line: Line) -> Iterator[str]:
    """A P1 stands in several rows of a table, which is no repetition."""
    for other in table.lines:
        if other is not line and _model(other) != _model(line) and other.scores == line.scores:
            yield f"every figure is that of {other.key} ({other.phase.upper()})"


def _model(line: Line) -> tuple[object, ...]:
    key = line.key
    return (key.model, key.phase1) if line.phase == "p1" else (key,)


def _slip_flags(table: PrintedTable, line: Line) -> Iterator[str]:
    for slip in slips():
        if (slip.table, slip.key, slip.phase) == (table.name, line.key, line.phase):
            yield f"noticed: {slip.note}"
