"""The paper's layouts of a matrix, as cells."""

from __future__ import annotations

import pytest

from cftray.data.statistics import Verdict
from cftray.report.layouts import Cell, Layout, sheet
from tests.unit.report.tables import matrix

SCORES = {
    "ta/ifeval": (0.5, 0.4), "ta/mmlu": (0.6, 0.61), "ta": (0.55, 0.505),
    "la/xquad/de": (0.2, 0.4), "la/xquad/zh": (0.1, 0.1), "la/xquad/ar": (0.3, 0.2), "la/xquad": (0.2, 0.25),
    "la": (0.2, 0.25),
}  # fmt: skip
TABLE = matrix({"P2": SCORES, "GR_10": SCORES | {"ta/ifeval": (0.5, 0.52)}})


@pytest.mark.parametrize("layout", Layout)
def test_every_row_has_a_cell_for_each_head_and_the_spans_cover_them(layout: Layout) -> None:
    laid = sheet(TABLE, layout)
    assert sum(span.columns for span in laid.spans) == len(laid.heads)
    assert {len(line.cells) for section in laid.sections for line in section.lines} == {len(laid.heads)}


def test_mitigations_stand_under_p1_and_are_set_against_plain_phase_2() -> None:
    laid = sheet(TABLE, Layout.D1)
    assert [(span.text, span.columns) for span in laid.spans] == [
        ("Task ability", 3), ("Language ability", 2), ("mean against P2", 1),
    ]  # fmt: skip
    assert laid.heads == ("IFEval", "MMLU", "mean", "XQuAD", "mean", "TA")
    (section,) = laid.sections
    assert [line.label for line in section.lines] == ["P1", "P2", "GR_10"]
    p1, plain, replayed = section.lines
    assert [cell.text for cell in p1.cells] == ["50.0", "60.0", "55.0", "20.0", "20.0", ""]
    assert plain.cells[0] == Cell(text="40.0", verdict=Verdict.FALLS)
    assert plain.cells[2].tail == "(−4.5 ±2.0)"
    assert replayed.cells[-1] == Cell(text="+5.0 ±2.0", verdict=Verdict.RISES)


def test_phases_stand_side_by_side_in_table_1() -> None:
    laid = sheet(TABLE, Layout.TABLE_1)
    assert [span.text for span in laid.spans] == ["IFEval", "MMLU", "mean"]
    assert laid.heads == ("P1", "P2") * 3
    assert [cell.text for cell in laid.sections[0].lines[0].cells] == ["50.0", "40.0", "60.0", "61.0", "55.0", "50.5"]
    assert [span.text for span in sheet(TABLE, Layout.C2).spans] == ["XQuAD", "mean"]


def test_languages_stand_in_the_paper_s_order() -> None:
    laid = sheet(TABLE, Layout.C5)
    assert laid.heads == ("ar", "de", "zh") * 2
    assert [cell.text for cell in laid.sections[0].lines[0].cells] == ["30.0", "20.0", "10.0", "20.0", "40.0", "10.0"]
    assert sheet(TABLE, Layout.C3).heads == ()


def test_what_is_not_there_is_a_dash_and_what_failed_is_a_note() -> None:
    table = matrix({"P2": SCORES | {"ta/mmlu": (0.6, None), "ta": (None, None)}}, failed="out of memory\nat step 4")
    laid = sheet(table, Layout.TABLE_1)
    assert [cell.text for cell in laid.sections[0].lines[0].cells] == ["50.0", "40.0", "60.0", "–", "–", "–"]
    assert "LoRA, seeds 17: failed: out of memory." in laid.notes
