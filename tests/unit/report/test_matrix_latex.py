"""The paper's layouts as LaTeX: what is written compiles, or at least balances."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cftray.data.published import printed_tables
from cftray.report.layouts import Layout
from cftray.report.matrix_latex import escaped, latex_matrix
from tests.unit.report.tables import matrix
from tests.unit.report.test_layouts import SCORES, TABLE

NASTY = matrix({r"50 % of a_b & c # \d {e} $f ^g ~h <i> | lr→2": SCORES}, phase1="own/data_set#1", failed="a & b\n{c")

KEYS = [key for printed in printed_tables().values() for key in printed.columns if key.startswith(("ta/", "la/"))]
WHOLE = matrix(dict.fromkeys(["P2", "GR_5", "LF_H2", "LoRA"], dict.fromkeys([*KEYS, "ta", "la"], (0.5, 0.45))))


def columns_of(line: str) -> int:
    """Columns that a row of the table takes, spans counted whole."""
    cells = re.split(r"(?<!\\)&", line.removesuffix(r" \\"))
    return sum(int(found[1]) if (found := re.search(r"\\multicolumn\{(\d+)\}", cell)) else 1 for cell in cells)


@pytest.mark.parametrize("table", [TABLE, NASTY], ids=["plain", "nasty"])
@pytest.mark.parametrize("layout", Layout)
def test_rows_have_as_many_columns_as_the_table_and_braces_balance(table, layout: Layout) -> None:
    text = latex_matrix(table, layout)
    for block in text.split(r"\begin{tabular}")[1:]:
        columns = len(re.match(r"\{(lr*)\}", block)[1])
        rows = [line for line in block.splitlines() if line.endswith(r"\\")]
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


def test_letters_are_written_for_latex_and_scripts_that_its_fonts_lack_by_their_codes() -> None:
    assert escaped("Zoë, Łódź ≤ 3 µs") == r"Zo\"{e}, \texttt{U+0141}\,\'{o}d\'{z} $\leq$ 3 $\mu$s"
    assert escaped("“中” — naïve") == r"``\texttt{U+4E2D}\,'' --- na\"{i}ve"


def test_columns_that_are_too_wide_for_a_line_stand_under_each_other() -> None:
    text = latex_matrix(WHOLE, Layout.C5)
    heads = [line.strip() for line in text.splitlines() if line.startswith(" & ar & ")]
    assert len(heads) == 2
    assert heads[0] == heads[1]
    assert text.count(r"\multicolumn{11}{c}{XQuAD, P2}") == 1
    assert latex_matrix(TABLE, Layout.D1).count(r"\begin{tabular}") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed: the structure is tested alone")
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("table", [NASTY, WHOLE], ids=["nasty", "whole"])
def test_it_compiles_and_stays_within_the_line(table, layout: Layout, tmp_path: Path) -> None:
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    document = "\n".join([head, latex_matrix(table, layout), r"\end{document}"])
    (tmp_path / "table.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    own = {**os.environ, "TEXMFVAR": str(tmp_path / "texmf")}  # fonts it makes go there, and not into the home
    done = subprocess.run(command, cwd=tmp_path, env=own, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
