"""The paper's layouts as LaTeX: what is written compiles, or at least balances."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cftray.report.layouts import Layout
from cftray.report.matrix_latex import escaped, latex_matrix
from tests.unit.report.tables import matrix
from tests.unit.report.test_layouts import SCORES, TABLE

NASTY = matrix({r"50 % of a_b & c # \d {e} $f ^g ~h <i> | lr→2": SCORES}, phase1="own/data_set#1", failed="a & b\n{c")


def columns_of(line: str) -> int:
    """Columns that a row of the table takes, spans counted whole."""
    cells = re.split(r"(?<!\\)&", line.removesuffix(r" \\"))
    return sum(int(found[1]) if (found := re.search(r"\\multicolumn\{(\d+)\}", cell)) else 1 for cell in cells)


@pytest.mark.parametrize("table", [TABLE, NASTY], ids=["plain", "nasty"])
@pytest.mark.parametrize("layout", Layout)
def test_rows_have_as_many_columns_as_the_table_and_braces_balance(table, layout: Layout) -> None:
    text = latex_matrix(table, layout)
    columns = len(re.search(r"\\begin\{tabular\}\{(l r*|lr*)\}", text)[1])
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {columns_of(row) for row in rows} == {columns}
    bare = re.sub(r"\\[\\{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert "\n\n" not in text


def test_rules_under_spans_cover_each_column_once() -> None:
    text = latex_matrix(TABLE, Layout.D1)
    assert re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text) == [("2", "4"), ("5", "6"), ("7", "7")]


def test_signs_and_special_characters_are_written_for_latex() -> None:
    assert escaped("50 % of a_b & {c}\\") == r"50 \% of a\_b \& \{c\}\textbackslash{}"
    assert escaped("− ±2 ▲\n×") == r"$-$ $\pm$2 $\uparrow$ $\times$"
    text = latex_matrix(TABLE, Layout.D1)
    assert r"40.0 $\downarrow$" in text
    assert r"\textbf{50.5} $\downarrow$ ($-$4.5 $\pm$2.0)" in text
    assert text.isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: the structure is tested alone")
@pytest.mark.parametrize("layout", Layout)
def test_it_compiles(layout: Layout, tmp_path: Path) -> None:
    head = r"\documentclass{article}\usepackage{booktabs}\begin{document}"
    document = "\n".join([head, latex_matrix(NASTY, layout), r"\end{document}"])
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
