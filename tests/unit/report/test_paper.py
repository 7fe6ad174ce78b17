"""A run's figures beside the printed ones: which line they stand at, and how it is told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from cftray.data.published import PaperKey, printed_tables
from cftray.report.claims import Ruling
from cftray.report.paper import Comparison, compare, run_cases, run_rows
from cftray.report.paper_text import html_comparison, json_comparison, markdown_comparison, terminal_comparison
from tests.unit.report.tables import matrix, results
from tests.unit.report.test_matrix_html import read

SCORES = {
    "ta/ifeval": (0.5, 0.4), "ta": (0.5, 0.4), "la/mlqa": (0.2, 0.3), "la/mlqa/de": (0.25, 0.35), "la": (0.2, 0.3),
}  # fmt: skip


def key(strategy: str = "none", model: str | None = "mistral-7b", phase1: str = "instruct") -> PaperKey:
    return PaperKey(model=model, phase1=phase1, phase2="multialpaca", strategy=strategy)


ROWS = run_rows(
    matrix({"P2": SCORES, "GR_10": SCORES | {"ta": (0.5, 0.45)}, "own": SCORES}),
    {"P2": key(), "GR_10": key("GR_10"), "own": None},
)


def run_of(found: Comparison, of: PaperKey, phase: str = "p2") -> dict[str, float]:
    return dict(next(one.run for one in found.lines if (one.line.key, one.line.phase) == (of, phase)))


@pytest.mark.parametrize("table", printed_tables())
def test_without_a_run_the_printed_lines_stand_alone(table: str) -> None:
    found = compare(table)
    assert [one.line for one in found.lines] == list(printed_tables()[table].lines)
    assert all(one.run == {} for one in found.lines)
    assert found.run_claims == ()


def test_a_run_stands_at_its_own_line_and_p1_at_the_line_of_p1() -> None:
    found = compare("D1", ROWS)
    assert run_of(found, key("GR_10"))["ta"] == 0.45
    assert run_of(found, key(), "p1") == {"ta/ifeval": 0.5, "ta": 0.5, "la/mlqa": 0.2, "la": 0.2}
    assert run_of(found, key("LoRA")) == {}
    assert run_of(found, key("GR_10", "llama-3-8b")) == {}
    assert found.unmatched == ("own",)


def test_a_second_row_of_one_line_is_named() -> None:
    rows = run_rows(matrix({"P2": SCORES, "P2 slow": SCORES}), {"P2": key(), "P2 slow": key()})
    found = compare("D1", rows)
    assert (found.unmatched, found.further) == ((), ("P2 slow",))
    assert "On a line where another row stands already: P2 slow" in markdown_comparison(found)


def test_claims_are_judged_in_one_metric() -> None:
    """That of the comparison with plain phase 2, though the table shows the paper's."""
    table = matrix({"P2": SCORES})
    scored = table.groups[0].rows[0].results
    mean = next(row for row in scored.rows if row.key == "ta")
    theirs = mean.model_copy(update={"key": "paper/ta", "p2": mean.p2.model_copy(update={"score": 0.9})})
    row = table.groups[0].rows[0].model_copy(
        update={"results": scored.model_copy(update={"rows": (*scored.rows, theirs)})}
    )
    table = table.model_copy(update={"groups": (table.groups[0].model_copy(update={"rows": (row,)}),)})
    rows = run_rows(table, {"P2": key()})
    assert run_cases(rows)[0].ta_score == mean.p2.score
    assert run_of(compare("1", rows), key())["ta"] == 0.9


def test_languages_are_compared_one_by_one() -> None:
    assert run_of(compare("C3", ROWS), key()) == {"la/mlqa/de": 0.35}


def test_a_run_of_another_model_stands_beside_both() -> None:
    rows = run_rows(matrix({"P2": SCORES}), {"P2": key(model=None)})
    found = compare("D1", rows)
    assert run_of(found, key())["ta"] == run_of(found, key(model="llama-3-8b"))["ta"] == 0.4
    assert {one.line.key.model for one in compare("D1", rows, model="llama-3-8b").lines} == {"llama-3-8b"}


def test_the_metric_that_the_paper_s_figures_fit_is_the_one_compared() -> None:
    scored = results(SCORES)
    other = next(row for row in scored.rows if row.key == "ta/ifeval")
    other = other.model_copy(update={"key": "paper/ta/ifeval", "p2": other.p2.model_copy(update={"score": 0.9})})
    table = matrix({"P2": SCORES})
    group = table.groups[0]
    row = group.rows[0].model_copy(update={"results": scored.model_copy(update={"rows": (*scored.rows, other)})})
    table = table.model_copy(update={"groups": (group.model_copy(update={"rows": (row,)}),)})
    assert run_of(compare("1", run_rows(table, {"P2": key()})), key())["ta/ifeval"] == 0.9


def test_claims_are_judged_by_the_run_s_verdicts() -> None:
    claims = {one.name: one for one in compare("D1", ROWS).run_claims}
    assert claims["dissimilar"].ruling is Ruling.BORNE_OUT
    assert claims["mitigations"].ruling is Ruling.BORNE_OUT
    assert claims["similar"].ruling is Ruling.NO_FIGURES


def test_the_comparison_as_text_tells_lines_flags_and_claims() -> None:
    found = compare("D1", ROWS, model="mistral-7b")
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(terminal_comparison(found))
    shown = console.export_text()
    for text in (shown, markdown_comparison(found)):
        assert "0.599 (0.472)" in text
        assert "TA average: printed 0.599" in text
        assert "Not in this table: own." in text
        assert "The same, held against this run" in text
    assert "…" not in shown
    lines = [line for line in markdown_comparison(found).splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_the_comparison_as_html_nests_and_escapes() -> None:
    found = compare("D1", run_rows(matrix({"<b>P2": SCORES}), {"<b>P2": key()}))
    reader = read(html_comparison(found))
    assert reader.open == []
    assert "details" in {tag for tag, _ in reader.tags}, "the cases behind each claim"
    assert "b" not in {tag for tag, _ in reader.tags}


def test_the_comparison_for_programs_has_both_averages() -> None:
    line = next(one for one in json_comparison(compare("D1", ROWS))["lines"] if one["strategy"] == "ER_10")
    assert line["printed_average"]["ta"] == 0.599
    assert line["recomputed_average"]["ta"] == pytest.approx(0.472)
    assert line["flags"]
