"""The paper's printed tables, and what does not fit together in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cftray.data.misprints import disagreements, flags_of
from cftray.data.published import Line, PaperKey, PrintedTable, printed_des, printed_tables

TABLES = printed_tables()


def key(text: str, strategy: str = "none") -> PaperKey:
    model, phase1, phase2 = text.split()
    return PaperKey(model=model, phase1=phase1, phase2=phase2, strategy=strategy)


def flags(table: str, of: PaperKey, phase: str = "p2") -> str:
    line = TABLES[table].line(of, phase)
    assert line is not None
    return "; ".join(flags_of(TABLES[table], line))


def test_tables_have_the_paper_s_rows_and_columns() -> None:
    assert {name: (len(table.rows()), len(table.columns)) for name, table in TABLES.items()} == {
        "1": (4, 4), "C1": (4, 4), "C2": (8, 3), "C3": (8, 6), "C4": (8, 6), "C5": (8, 11), "D1": (20, 7),
    }  # fmt: skip
    assert [one.value for one in printed_des()] == [0.924, 0.792, 0.953, 0.774]


def test_averages_that_disagree_with_their_columns_are_those_of_table_d1() -> None:
    found = {
        (one.table, one.line.key.model, one.line.key.strategy): (one.printed, round(one.recomputed, 3))
        for table in TABLES.values()
        for one in disagreements(table)
    }
    assert found == {
        ("D1", "mistral-7b", "ER_10"): (0.599, 0.472),
        ("D1", "llama-3-8b", "none"): (0.217, 0.2),
        ("D1", "llama-3-8b", "LF_H2"): (0.373, pytest.approx(0.3625, abs=1e-3)),
        ("D1", "llama-3-8b", "GR_10"): (0.228, 0.216),
        ("D1", "llama-3-8b", "ER_10"): (0.42, 0.401),
    }


def test_a_figure_that_another_table_prints_otherwise_is_flagged_in_both() -> None:
    of = key("llama-3-8b instruct multialpaca")
    assert "la/xlsum is 0.030 here, 0.027 in Table C2" in flags("D1", of)
    assert "la/xlsum is 0.027 here, 0.030 in Table D1" in flags("C2", of)


def test_languages_are_held_against_the_table_of_means_and_against_each_other() -> None:
    told = flags("C5", key("llama-3-8b openorca mopenorca"))
    assert "the mean over its languages is 0.643, Table C2 prints 0.531" in told
    assert "every figure is that of mistral-7b, openorca then mopenorca (P2)" in told
    assert flags("C5", key("mistral-7b alpaca multialpaca")) == ""
    assert "alpaca then multialpaca (P1)" in flags("C3", key("llama-3-8b instruct mopenorca"), "p1")


def test_a_p1_that_stands_in_two_rows_is_no_repetition() -> None:
    assert flags("C4", key("mistral-7b instruct mopenorca"), "p1") == ""


def test_slips_that_somebody_noticed_are_told() -> None:
    assert "IFEval and MMLU are the same figure" in flags("D1", key("mistral-7b instruct multialpaca", "GR_5"))


def test_rounding_is_no_disagreement() -> None:
    def table(average: float) -> PrintedTable:
        scores = {"ta/a": 0.1, "ta/b": 0.2}
        line = Line(key=key("m a b"), phase="p2", scores=scores, averages={"ta": average})
        return PrintedTable(name="x", title="", columns=tuple(scores), lines=(line,))

    assert disagreements(table(0.154)) == ()
    assert [one.recomputed for one in disagreements(table(0.156))] == [pytest.approx(0.15)]


def test_a_run_of_another_model_fits_both_of_the_paper_s() -> None:
    own = PaperKey(model=None, phase1="instruct", phase2="multialpaca")
    assert own.fits(key("mistral-7b instruct multialpaca"))
    assert own.fits(key("llama-3-8b instruct multialpaca"))
    assert not own.fits(key("llama-3-8b instruct multialpaca", "GR_5"))
    assert not key("mistral-7b instruct multialpaca").fits(key("llama-3-8b instruct multialpaca"))


def test_the_documents_list_every_flag() -> None:
    told = (Path(__file__).parents[3] / "docs" / "paper.md").read_text(encoding="utf-8")
    for table in TABLES.values():
        for one in disagreements(table):
            row = f"| {table.name} | {one.line.key} | {one.suite.upper()} | {one.printed:.3f} | {one.recomputed:.3f} |"
            assert row in told
        for line in table.lines:
            told_apart = ("average: printed", "caption")
            others = [flag for flag in flags_of(table, line) if not any(one in flag for one in told_apart)]
            assert all(f"| {table.name} | {line.key}, {line.phase.upper()} | {flag} |" in told for flag in others)
