"""Results as a terminal table, Markdown and CSV; one experiment, or several under each other."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cftray.data.statistics import Verdict
from cftray.report.grid import (
    Column,
    change_text,
    columns,
    interval_text,
    legend,
    noise_text,
    score_text,
    seeds_text,
)
from cftray.report.notes import notes
from cftray.report.views import Results, Row, Score

Titled = tuple[str, Results]
"""An experiment's name and its results."""

STYLES: Final = {Verdict.RISES: "green", Verdict.FALLS: "red", Verdict.NOISE: "dim"}
WIDE: Final = 100
"""Columns of a terminal from which both suites stand side by side, where they fit."""
HEAD: Final = 10
"""Columns of a terminal that a line of a head's remarks takes, words longer than that aside."""


def terminal_table(experiments: Sequence[Titled], width: int = WIDE) -> RenderableType:
    """P1, P2, change and its interval per experiment; the suites under each other where it is narrow."""
    shapes = [columns(results) for _, results in experiments]
    suites = list(dict.fromkeys(column.suite for shape in shapes for column in shape))
    widest = max(_width(shape) for shape in shapes)
    blocks = [suites] if width >= max(WIDE, widest) else [[suite] for suite in suites]
    tables = [_terminal_block(experiments, block) for block in blocks]
    return Group(*tables, *_legends(experiments))


def markdown(experiments: Sequence[Titled]) -> str:
    """The headline table in GitHub's Markdown, with the legend under it."""
    lines: list[str] = []
    for title, results in experiments:
        shape = columns(results)
        heads = [f"{column.suite.upper()}: {_escaped(column.label)}" for column in shape]
        lines += [f"**{_escaped(title)}**", "", _piped(["", *heads]), _piped(["---", *["---:"] * len(shape)])]
        lines += [_piped([label, *cells]) for label, cells in _text_rows(shape, single=results.single)]
        lines += ["", legend(results), ""]
        lines += [f"- {_escaped(note)}" for note in notes(results)] + [""] * bool(notes(results))
    return "\n".join(lines)


CSV_FIELDS: Final = (
    "experiment", "key", "level", "suite", "benchmark", "language", "metric", "paper", "whole", "parts", "parts_of",
    "p1", "p1_stderr", "p2", "p2_stderr", "n",
    "difference", "stderr", "low", "high", "p_value", "p_adjusted", "among", "noise", "verdict",
    "seeds", "seeds_sd", "seeds_agree",
)  # fmt: skip


def csv_text(experiments: Sequence[Titled]) -> str:
    """Every row of every level with full figures (0 to 1); absent values are empty."""
    target = io.StringIO()
    writer = csv.DictWriter(target, CSV_FIELDS, lineterminator="\n")
    writer.writeheader()
    for title, results in experiments:
        for row in results.rows:
            writer.writerow(_csv_row(title, results, row))
    return target.getvalue()


def heads(shape: Sequence[Column]) -> list[str]:
    """A terminal's column heads: the suite before its first, what is said of a metric or a part in lines below."""
    found, before = [], ""
    for column in shape:
        name, *remarks = re.split(r" (?=\()|, (?=\d)", column.label)
        prefix = f"{column.suite.upper()}: " if column.suite != before else ""
        below = [line for one in remarks for line in textwrap.wrap(one, HEAD, break_long_words=False)]
        found.append("\n".join([f"{prefix}{name}", *below]))
        before = column.suite
    return found


def _width(shape: Sequence[Column]) -> int:
    """Columns of a terminal that a block of these takes."""
    lines = [max(len(line) for line in [*head.splitlines(), "+10.0 ~"]) for head in heads(shape)]
    return len("noise floor") + sum(width + 2 for width in lines)


def _terminal_block(experiments: Sequence[Titled], suites: Sequence[str]) -> Table:
    shapes = [[one for one in columns(results) if one.suite in suites] for _, results in experiments]
    widest = max(shapes, key=len)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("", no_wrap=True, min_width=len("change"))
    for head in heads(widest):
        table.add_column(head, justify="right", no_wrap=True)
    for title, results in experiments:
        by_key = {column.key: column for column in columns(results)}
        shape = [by_key.get(one.key, _absent(one)) for one in widest]
        if len(experiments) > 1:
            table.add_row(Text(title, style="bold"))
        for label, cells in _styled_rows(shape, single=results.single):
            table.add_row(label, *cells)
        table.add_section()
    return table


def _styled_rows(shape: Sequence[Column], *, single: bool) -> Iterator[tuple[str, list[Text]]]:
    for label, cells in _text_rows(shape, single=single):
        yield label, [Text(cell, style=_style(label, column)) for cell, column in zip(cells, shape, strict=True)]


def _style(label: str, column: Column) -> str:
    weight = "bold " if column.mean else ""
    change = column.row.change if column.row is not None else None
    if label == "change" and change is not None:
        return weight + STYLES[change.verdict]
    return "dim" if label.startswith(("±", "sd", "noise")) else weight.strip()


def _text_rows(shape: Sequence[Column], *, single: bool) -> Iterator[tuple[str, list[str]]]:
    """Both models, or the one that there is; then what changed, as far as it is known."""
    rows = [column.row for column in shape]
    yield "score" if single else "P1", [score_text(row.p1 if row else None) for row in rows]
    if not single:
        yield "P2", [score_text(row.p2 if row else None) for row in rows]
    changes = [row.change if row else None for row in rows]
    if any(changes):
        yield "change", [change_text(change) for change in changes]
        yield "± 95 %", [interval_text(change) for change in changes]
    if any(change is not None and change.seeds_sd is not None for change in changes):
        yield "sd, seeds", [seeds_text(change) for change in changes]
    if any(row is not None and row.noise is not None for row in rows):
        yield "noise floor", [noise_text(row) for row in rows]


def _legends(experiments: Sequence[Titled]) -> list[Text]:
    """The legend once where all agree on it, else one for each experiment; then the notes of each."""
    texts = dict.fromkeys(legend(results) for _, results in experiments)
    several = len(experiments) > 1
    for title, results in experiments:
        texts |= dict.fromkeys(f"{title}: {note}" if several else note for note in notes(results))
    return [Text(text, style="dim") for text in texts]


def _absent(column: Column) -> Column:
    return replace(column, row=None)


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;").replace("\n", " ")


def _csv_row(title: str, results: Results, row: Row) -> dict[str, object]:
    found: dict[str, object] = {
        "experiment": title,
        "key": row.key,
        "level": str(row.level),
        "suite": row.suite,
        "benchmark": row.benchmark,
        "language": row.language,
        "metric": row.metric,
        "paper": row.paper,
        "whole": row.whole,
        "parts": row.parts,
        "parts_of": row.parts_of,
        "noise": row.noise,
        "seeds": " ".join(str(seed) for seed in results.seeds),
        **_csv_score("p1", row.p1),
        **_csv_score("p2", row.p2),
        "n": row.p1.n if row.p1 else None,
    }
    if row.change is not None:
        found |= row.change.model_dump(mode="json", exclude={"noise"})
    return found


def _csv_score(name: str, score: Score | None) -> dict[str, object]:
    return {} if score is None else {name: score.score, f"{name}_stderr": score.stderr}
