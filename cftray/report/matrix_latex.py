"""A matrix in a layout of the paper as LaTeX: a `table` that needs booktabs and nothing else.

Every text is escaped, signs become mathematics, and columns are plain `r`, so that no other package is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from cftray.data.statistics import Verdict
from cftray.report.layouts import Cell, Layout, Section, Sheet, sheet
from cftray.report.matrix import MatrixTable

SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "▲": r"$\uparrow$", "▼": r"$\downarrow$", "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$",
    "→": r"$\to$", "–": "--", "…": r"\ldots{}",
}  # fmt: skip
SIGNS: Final = {Verdict.RISES: r"$\uparrow$", Verdict.FALLS: r"$\downarrow$", Verdict.NOISE: r"$\sim$"}


def latex_matrix(table: MatrixTable, layout: Layout) -> str:
    """The whole `table` environment, ready to be read by a document that uses booktabs."""
    return latex_sheet(sheet(table, layout))


def latex_sheet(laid: Sheet) -> str:
    """See `latex_matrix`."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(laid.caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * len(laid.heads)}}}",
        r"\toprule",
        *_heads(laid),
        *(line for section in laid.sections for line in _section(section, 1 + len(laid.heads))),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_note(note)}}}" for note in laid.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it stands; a control character is a space."""
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", text)
    return "".join(SPECIAL.get(char, char) for char in plain)


def _note(note: str) -> str:
    return escaped(note).replace(SPECIAL["~"], SIGNS[Verdict.NOISE])


def _heads(laid: Sheet) -> Iterator[str]:
    """Spans with a rule under each, and the columns' own heads."""
    if laid.spans:
        spans = [rf"\multicolumn{{{span.columns}}}{{c}}{{{escaped(span.text)}}}" for span in laid.spans]
        yield " & ".join(["", *spans]) + r" \\"
        rules, first = [], 2
        for span in laid.spans:
            rules.append(rf"\cmidrule(lr){{{first}-{first + span.columns - 1}}}")
            first += span.columns
        yield " ".join(rules)
    yield " & ".join(["", *map(escaped, laid.heads)]) + r" \\"


def _section(section: Section, columns: int) -> Iterator[str]:
    yield r"\midrule"
    yield rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{escaped(section.title)}}}}} \\"
    for line in section.lines:
        yield " & ".join([escaped(line.label), *map(_cell, line.cells)]) + r" \\"


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escaped(cell.text)}}}" if cell.strong and cell.text else escaped(cell.text)
    sign = SIGNS[cell.verdict] if cell.verdict is not None else ""
    return " ".join(part for part in (text, sign, escaped(cell.tail)) if part)
