"""A matrix in a layout of the paper as an HTML fragment that needs nothing beside it.

For screen readers every head says what it is a head of, and a sign its verdict in words. Colours repeat what the signs
say, and never say it alone. A wide table scrolls inside its own frame.
"""

from __future__ import annotations

from html import escape
from typing import Final

from cftray.data.statistics import Verdict
from cftray.report.grid import SIGNS
from cftray.report.layouts import Cell, Layout, Section, Sheet, SheetLine, sheet
from cftray.report.matrix import MatrixTable

WORDS: Final = {Verdict.RISES: "rises", Verdict.FALLS: "falls", Verdict.NOISE: "inside the noise"}
STYLE: Final = """
.cftray-sheet{overflow-x:auto;font:14px/1.45 system-ui,sans-serif}
.cftray-sheet table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.cftray-sheet caption{text-align:left;font-weight:600;padding:.3em 0}
.cftray-sheet th,.cftray-sheet td{padding:.2em .6em;text-align:right;white-space:nowrap}
.cftray-sheet tbody th{text-align:left;font-weight:400}
.cftray-sheet tbody th[scope=rowgroup]{font-style:italic;padding-top:.6em}
.cftray-sheet thead th{border-bottom:1px solid #8888}
.cftray-sheet thead th[scope=colgroup]{text-align:center}
.cftray-sheet tbody{border-bottom:1px solid #8888}
.cftray-sheet abbr{text-decoration:none}
.cftray-sheet .rises{color:#1a7f37}.cftray-sheet .falls{color:#b3261e}.cftray-sheet .noise{color:#6e7781}
.cftray-sheet p{font-size:12px;color:#57606a;margin:.3em 0;max-width:60em}
"""
CLASSES: Final = {Verdict.RISES: "rises", Verdict.FALLS: "falls", Verdict.NOISE: "noise"}


def html_matrix(table: MatrixTable, layout: Layout) -> str:
    """A `div` with its style, to be put into any page."""
    return html_sheet(sheet(table, layout))


def html_sheet(laid: Sheet) -> str:
    """See `html_matrix`."""
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in laid.notes)
    return f'<div class="cftray-sheet">\n<style>{STYLE}</style>\n{html_table(laid)}{notes}</div>\n'


def html_table(laid: Sheet) -> str:
    """The `table` by itself: the page around it has a style, and a place for the notes."""
    groups = "".join(f'<colgroup span="{span.columns}"></colgroup>' for span in laid.spans)
    return (
        f"<table>\n<caption>{escape(laid.caption)}</caption>\n"
        f"<colgroup></colgroup>{groups}\n<thead>\n{_heads(laid)}</thead>\n"
        f"{''.join(_section(section, 1 + len(laid.heads)) for section in laid.sections)}</table>\n"
    )


def _heads(laid: Sheet) -> str:
    spans = "".join(f'<th scope="colgroup" colspan="{span.columns}">{escape(span.text)}</th>' for span in laid.spans)
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in laid.heads)
    top = f"<tr><td></td>{spans}</tr>\n" if laid.spans else ""
    return f"{top}<tr><td></td>{heads}</tr>\n"


def _section(section: Section, columns: int) -> str:
    rows = "".join(_line(line) for line in section.lines)
    title = f'<tr><th scope="rowgroup" colspan="{columns}">{escape(section.title)}</th></tr>\n'
    return f"<tbody>\n{title}{rows}</tbody>\n"


def _line(line: SheetLine) -> str:
    weight = ' class="minor"' if line.minor else ""
    return f'<tr{weight}><th scope="row">{escape(line.label)}</th>{"".join(map(_cell, line.cells))}</tr>\n'


def _cell(cell: Cell) -> str:
    text = f"<strong>{escape(cell.text)}</strong>" if cell.strong and cell.text else escape(cell.text)
    parts = [text]
    if cell.verdict is not None:
        told = WORDS[cell.verdict]
        parts.append(f'<abbr class="{CLASSES[cell.verdict]}" title="{told}">{SIGNS[cell.verdict]}</abbr>')
    if cell.tail:
        parts.append(escape(cell.tail))
    return f"<td>{' '.join(part for part in parts if part)}</td>"
