"""A matrix in a layout of the paper as LaTeX: a `table` that needs booktabs and graphicx and nothing else.

Every text is escaped, signs become mathematics, and columns are plain `r`. Groups of columns that are too wide to stand
beside each other stand under each other, and what is wider than the line all the same is shrunk to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cftray.data.statistics import Verdict
from cftray.report.layouts import Cell, Layout, Section, Sheet, SheetLine, Span, sheet
from cftray.report.matrix import MatrixTable

SPECIAL: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "^": r"\textasciicircum{}",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "▲": r"$\uparrow$", "▼": r"$\downarrow$", "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$",
    "→": r"$\to$", "←": r"$\leftarrow$", "≤": r"$\leq$", "≥": r"$\geq$", "≈": r"$\approx$", "≠": r"$\neq$",
    "µ": r"$\mu$", "Δ": r"$\Delta$", "Θ": r"$\Theta$", "∞": r"$\infty$", "°": r"$^{\circ}$",
    "–": "--", "—": "---", "…": r"\ldots{}", "‘": "`", "’": "'", "“": "``", "”": "''", "„": "``", "«": r"$\ll$",
    "»": r"$\gg$", "\u00a0": "~", "\u202f": "~", "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "ł": r"\l{}",
}  # fmt: skip
ACCENTS: Final = dict(
    zip("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327", "`'^~=u.\"rHvc", strict=True)
)
"""Combining marks, and the accent of LaTeX that each is."""
SIGNS: Final = {Verdict.RISES: r"$\uparrow$", Verdict.FALLS: r"$\downarrow$", Verdict.NOISE: r"$\sim$"}

WIDEST: Final = 80
"""Characters of columns that may stand beside each other: about what a line of two thirds of the size takes."""


class Block(NamedTuple):
    """Columns that stand beside each other: `first` to before `end` of a sheet's."""

    spans: tuple[Span, ...]
    first: int
    end: int


def latex_matrix(table: MatrixTable, layout: Layout) -> str:
    """The whole `table` environment, ready to be read by a document that uses booktabs and graphicx."""
    return latex_sheet(sheet(table, layout))


def latex_sheet(laid: Sheet) -> str:
    """See `latex_matrix`."""
    blocks = _blocks(laid)
    lines = [
        r"% needs \usepackage{booktabs,graphicx}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escaped(laid.caption)}}}\par\smallskip",
        *(line for place, block in enumerate(blocks) for line in _tabular(laid, block, below=place > 0)),
        *(rf"\par\smallskip{{\footnotesize {_note(note)}}}" for note in laid.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it stands, in ASCII; a control character is a space, and a letter of a script that
    LaTeX's own fonts lack is its code, `U+4E2D`."""
    plain = re.sub(r"[\x00-\x1f\x7f]+", " ", unicodedata.normalize("NFC", text))
    return "".join(_set(char) for char in plain)


def _set(char: str) -> str:
    if char in SPECIAL:
        return SPECIAL[char]
    if char.isascii():
        return char
    taken = unicodedata.normalize("NFD", char)
    letter, mark = taken[0], taken[1:]
    if letter.isascii() and letter.isalpha() and mark in ACCENTS:
        return rf"\{ACCENTS[mark]}{{{letter}}}"
    return rf"\texttt{{U+{ord(char):04X}}}\,"


def _note(note: str) -> str:
    return escaped(note).replace(SPECIAL["~"], SIGNS[Verdict.NOISE])


def _blocks(laid: Sheet) -> list[Block]:
    """The spans in turn, as many side by side as are not too wide; one block where there is nothing to part."""
    found: list[Block] = []
    first = 0
    for span in laid.spans:
        end = first + span.columns
        if found and _width(laid, found[-1].first, end) <= WIDEST:
            before = found.pop()
            found.append(Block((*before.spans, span), before.first, end))
        else:
            found.append(Block((span,), first, end))
        first = end
    return found or [Block((), 0, len(laid.heads))]


def _width(laid: Sheet, first: int, end: int) -> int:
    """Characters that the columns take with the space between them, the labels aside."""
    lines = [line.cells for section in laid.sections for line in section.lines]
    return sum(
        2 + max([len(laid.heads[column]), *(_length(cells[column]) for cells in lines)]) for column in range(first, end)
    )


def _length(cell: Cell) -> int:
    return len(cell.text) + 2 * (cell.verdict is not None) + (len(cell.tail) + 1 if cell.tail else 0)


def _tabular(laid: Sheet, block: Block, *, below: bool) -> Iterator[str]:
    """The block as a table of its own with the rows' labels, no wider than the line."""
    heads = laid.heads[block.first : block.end]
    if below:
        yield r"\par\medskip"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{l{'r' * len(heads)}}}"
    yield r"\toprule"
    yield from _heads(block.spans, heads)
    for section in laid.sections:
        yield from _section(section, block, 1 + len(heads))
    yield r"\bottomrule"
    yield r"\end{tabular}}"


def _heads(spans: Sequence[Span], heads: Sequence[str]) -> Iterator[str]:
    """Spans with a rule under each, and the columns' own heads."""
    if spans:
        yield (
            " & ".join(["", *(rf"\multicolumn{{{one.columns}}}{{c}}{{{escaped(one.text)}}}" for one in spans)]) + r" \\"
        )
        rules, first = [], 2
        for span in spans:
            rules.append(rf"\cmidrule(lr){{{first}-{first + span.columns - 1}}}")
            first += span.columns
        yield " ".join(rules)
    yield " & ".join(["", *map(escaped, heads)]) + r" \\"


def _section(section: Section, block: Block, columns: int) -> Iterator[str]:
    yield r"\midrule"
    yield rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{escaped(section.title)}}}}} \\"
    for line in section.lines:
        yield _line(line, block)


def _line(line: SheetLine, block: Block) -> str:
    return " & ".join([escaped(line.label), *map(_cell, line.cells[block.first : block.end])]) + r" \\"


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escaped(cell.text)}}}" if cell.strong and cell.text else escaped(cell.text)
    sign = SIGNS[cell.verdict] if cell.verdict is not None else ""
    return " ".join(part for part in (text, sign, escaped(cell.tail)) if part)
