"""A printed table and a run beside it: for the terminal, as Markdown, and as an HTML fragment.

Scores are 0 to 1 here, as the paper prints them. An average stands as printed, and where its columns give another, that
one stands behind it in brackets. Flags are numbered, and their numbers stand at their lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cftray.data.misprints import disagreements
from cftray.data.published import source
from cftray.report.claims import Judged, Ruling
from cftray.report.grid import ABSENT, benchmark_name
from cftray.report.paper import ComparedLine, Comparison

STYLES = {Ruling.BORNE_OUT: "green", Ruling.NOT: "red", Ruling.IN_PART: "yellow"}
MARKS = {True: "yes", False: "no", None: "open"}
STYLE = (
    ".cftray-paper{overflow-x:auto;font:14px/1.45 system-ui,sans-serif}"
    ".cftray-paper table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin-bottom:1em}"
    ".cftray-paper caption{text-align:left;font-weight:600}"
    ".cftray-paper th,.cftray-paper td{padding:.2em .6em;text-align:right;white-space:nowrap}"
    ".cftray-paper tbody th{text-align:left;font-weight:400}"
    ".cftray-paper tr.run td,.cftray-paper tr.run th{background:#8881}"
    ".cftray-paper thead th{border-bottom:1px solid #8888}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """Rows of text under `heads`; of `rows`, those with True are the run's."""

    heads: tuple[str, ...]
    rows: tuple[tuple[bool, tuple[str, ...]], ...]
    flags: tuple[str, ...]


def terminal_comparison(found: Comparison) -> RenderableType:
    """The table, its flags, and what becomes of the paper's claims."""
    shown = _shown(found)
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for place, head in enumerate(shown.heads):
        grid.add_column(head, justify="left" if place < 2 else "right", no_wrap=place > 0)
    for run, cells in shown.rows:
        grid.add_row(*(Text(cell) for cell in cells), style="bold" if run else "")
    parts: list[RenderableType] = [Text(_title(found), style="bold"), grid]
    parts += [Text(f"  {flag}", style="yellow") for flag in shown.flags]
    parts += [Text(line, style="dim") for line in _footers(found)]
    for title, claims in _claims(found):
        parts += [Text(), Text(title, style="bold")]
        for claim in claims:
            told = Text(f"  {_told(claim)}  ", style=STYLES.get(claim.ruling, "dim"))
            parts.append(told.append(claim.text, style="default"))
            parts += [Text(f"      {MARKS[one.holds]:4} {one.text}", style="dim") for one in claim.instances]
    return Group(*parts)


def markdown_comparison(found: Comparison) -> str:
    """GitHub's Markdown."""
    shown = _shown(found)
    lines = [f"**{_title(found)}**", "", _piped(shown.heads)]
    lines.append(_piped(["---", "---", *["---:"] * (len(shown.heads) - 2)]))
    lines += [_piped(cells) for _, cells in shown.rows]
    lines += ["", *(f"- {flag}" for flag in shown.flags), *[""] * bool(shown.flags)]
    lines += [line for footer in _footers(found) for line in (footer, "")]
    for title, claims in _claims(found):
        lines += [f"**{title}**", ""]
        for claim in claims:
            lines.append(f"- {claim.text}: *{_told(claim)}*")
            lines += [f"  - {MARKS[one.holds]}: {one.text}" for one in claim.instances]
        lines.append("")
    return "\n".join(lines)


def html_comparison(found: Comparison) -> str:
    """A `div` with its style, to be put into any page."""
    shown = _shown(found)
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in shown.heads)
    body = "".join(_html_row(cells, run=run) for run, cells in shown.rows)
    flags = "".join(f"<li>{escape(flag)}</li>" for flag in shown.flags)
    notes = "".join(f"<p>{escape(line)}</p>" for line in _footers(found))
    claims = "".join(_html_claims(title, told) for title, told in _claims(found))
    return (
        f'<div class="cftray-paper">\n<style>{STYLE}</style>\n<table>\n<caption>{escape(_title(found))}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n<ul>{flags}</ul>\n{notes}\n{claims}</div>\n"
    )


def json_comparison(found: Comparison) -> dict[str, Any]:
    """For programs; every figure in full, 0 to 1."""
    return {
        "table": found.table.name,
        "lines": [
            {
                **asdict(one.line.key),
                "phase": one.line.phase,
                "printed": dict(one.line.scores),
                "printed_average": dict(one.line.averages),
                "recomputed_average": one.line.recomputed,
                "flags": list(one.flags),
                "row": one.label,
                "run": dict(one.run),
            }
            for one in found.lines
        ],
        "unmatched": list(found.unmatched),
        "further": list(found.further),
        "claims": {
            name: [asdict(claim) for claim in claims]
            for name, claims in (("printed", found.printed_claims), ("run", found.run_claims))
        },
    }


def _html_row(cells: Sequence[str], *, run: bool) -> str:
    rest = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
    kind = "run" if run else "printed"
    return f'<tr class="{kind}"><th scope="row">{escape(cells[0])}</th>{rest}</tr>\n'


def _html_claims(title: str, claims: Sequence[Judged]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(claim.text)}{_html_cases(claim)}</th><td>{_told(claim)}</td></tr>\n'
        for claim in claims
    )
    return f"<table>\n<caption>{escape(title)}</caption>\n<tbody>\n{rows}</tbody>\n</table>\n"


def _html_cases(claim: Judged) -> str:
    cases = "".join(f"<li>{MARKS[one.holds]}: {escape(one.text)}</li>" for one in claim.instances)
    return f"<details><summary>cases</summary><ul>{cases}</ul></details>" if cases else ""


def _title(found: Comparison) -> str:
    return f"Table {found.table.name}: {found.table.title}"


def _shown(found: Comparison) -> _Shown:
    table = found.table
    suites = table.suites if table.benchmark is None else ()
    rows: list[tuple[bool, tuple[str, ...]]] = []
    flags: list[str] = []
    for one in found.lines:
        numbers = range(len(flags) + 1, len(flags) + 1 + len(one.flags))
        flags += [f"[{number}] {flag}" for number, flag in zip(numbers, one.flags, strict=True)]
        marks = "".join(f" [{number}]" for number in numbers)
        rows.append((False, (f"{one.line.key}, {one.line.phase.upper()}{marks}", "printed", *_printed(found, one))))
        if one.run:
            scores = (one.run.get(column) for column in (*table.columns, *suites))
            rows.append((True, (f"  {one.label}", "run", *map(_figure, scores))))
    heads = ("", "", *(_head(column) for column in table.columns), *(f"{suite.upper()} average" for suite in suites))
    return _Shown(heads=heads, rows=tuple(rows), flags=tuple(flags))


def _printed(found: Comparison, one: ComparedLine) -> Iterator[str]:
    wrong = {apart.suite: apart.recomputed for apart in disagreements(found.table) if apart.line is one.line}
    yield from map(_figure, one.line.scores.values())
    if found.table.benchmark is None:
        for suite in found.table.suites:
            printed = _figure(one.line.averages.get(suite))
            yield f"{printed} ({wrong[suite]:.3f})" if suite in wrong else printed


def _head(column: str) -> str:
    suite, _, rest = column.partition("/")
    benchmark, _, language = rest.partition("/")
    return language or f"{suite.upper()}: {benchmark_name(benchmark)}"


def _figure(value: float | None) -> str:
    """Three decimals, and more where the paper prints more."""
    if value is None:
        return ABSENT
    short = f"{value:.3f}"
    return short if abs(float(short) - value) < 1e-9 or len(repr(value)) > 8 else f"{value:g}"


def _footers(found: Comparison) -> Iterator[str]:
    if found.unmatched:
        yield f"Not in this table: {', '.join(found.unmatched)}."
    if found.further:
        yield f"On a line where another row stands already: {', '.join(found.further)}; claims count them."
    yield f"Printed figures: {source()}. Averages are as printed; in brackets what their own columns give."


def _claims(found: Comparison) -> Iterator[tuple[str, Sequence[Judged]]]:
    yield "What the paper says it found, held against its own tables", found.printed_claims
    if found.run_claims:
        yield "The same, held against this run", found.run_claims


def _told(claim: Judged) -> str:
    return str(claim.ruling) + (f" ({claim.count})" if claim.instances else "")


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
