"""Rows over replicas, set against P1 and against plain phase 2, and told as text."""

from __future__ import annotations

import csv
import io
import random

import pytest
from rich.console import Console

from cftray.data.scores import ItemScores, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import build_plan
from cftray.report.grid import columns, columns_over
from cftray.report.matrix import CellPlan, Effect, matrix_table
from cftray.report.matrix_text import csv_matrix, markdown_matrix, terminal_matrix
from cftray.spec import ExperimentSpec
from cftray.store import Record, Store
from tests.unit.plan.fakes import toy_pack
from tests.unit.report.conftest import DOCUMENT

RATES = {"p1": (0.8, 0.2), "none": (0.4, 0.7), "generative_replay": (0.7, 0.7), "lf_h1": (0.4, 0.4)}
"""(task ability, language ability) that the made-up models pass items at."""


def scores(rates, seed, n=120):
    tasks = []
    for (suite, benchmark, language), rate in zip((("ta", "mmlu", "en"), ("la", "xquad", "de")), rates, strict=True):
        luck = [random.Random(f"{benchmark}/{item}").random() for item in range(n)]
        shift = random.Random(f"{seed}/{benchmark}").uniform(-0.02, 0.02)
        tasks.append(
            TaskScores(
                task=benchmark if suite == "ta" else f"{benchmark}_{language}", suite=suite, benchmark=benchmark,
                language=language, metric="acc", items=tuple(f"i{item}" for item in range(n)),
                scores=tuple(float(one < rate + shift) for one in luck),
            )
        )  # fmt: skip
    return ItemScores(tasks=tuple(tasks))


def with_the_papers_metric(made):
    """The same figures again as another metric of the first task."""
    first, *rest = made.tasks
    return ItemScores(
        tasks=(first.model_copy(update={"paper_metric": "theirs", "others": {"theirs": first.scores}}), *rest)
    )


@pytest.fixture
def cell(tmp_path):
    store = Store(tmp_path)

    def make(mitigation, seed, *, failed=False, row=None, paper=False, limit=120):
        document = DOCUMENT | {"seeds": [seed], "evaluation": {"limit": limit}}
        document = document | {"phase2": DOCUMENT["phase2"] | {"mitigation": mitigation}}
        spec = ExperimentSpec.model_validate_json(ExperimentSpec.model_validate(document).model_dump_json())
        plan = build_plan(spec, lambda leaf: "0" * 64, toy_pack)
        for node in plan.stages:
            if node.kind == "evaluate" and store.record(node.fingerprint) is None and not failed:
                first = ".p1" in node.name
                made = scores(RATES["p1" if first else mitigation["kind"]], seed, limit)
                made = with_the_papers_metric(made) if paper else made
                folder = store.attempt_folder(node.fingerprint, 1)
                folder.mkdir(parents=True)
                made.write(folder / "scores.json.gz")
                store.write_record(
                    Record.model_validate(
                        {
                            "fingerprint": node.fingerprint, "kind": str(node.kind), "title": node.title, "config": {},
                            "inputs": {}, "details": {}, "execution": {}, "provenance": {}, "experiment": "exp_1",
                            "attempt": 1, "started_at": "2026-01-02T03:04:05+00:00",
                            "finished_at": "2026-01-02T03:05:05+00:00", "seconds": 1.0,
                            "outputs": {"scores": store.describe(node.fingerprint, folder / "scores.json.gz")},
                            "metrics": metrics_of([made]),
                        }
                    )
                )  # fmt: skip
        label = row or {"none": "P2", "generative_replay": "GR_10", "lf_h1": "LF_H1"}[mitigation["kind"]]
        return CellPlan(
            row=label, experiment=f"exp_{label}{seed}", spec=spec, plan=plan,
            state="failed" if failed else "succeeded", failed=failed, message="out of memory" if failed else "",
        )  # fmt: skip

    return store, make


NONE, GR, LF = {"kind": "none"}, {"kind": "generative_replay", "ratio": 0.1}, {"kind": "lf_h1"}


def table(cell, *cells):
    return matrix_table("m", cells, cell[0])


def test_a_mitigation_is_set_against_plain_phase_2_by_item_and_seed(cell):
    _, make = cell
    found = table(cell, *(make(one, seed) for one in (NONE, GR, LF) for seed in (1, 2, 3)))
    (group,) = found.groups
    rows = {row.label: row for row in group.rows}
    assert rows["P2"].effects == {}
    assert rows["GR_10"].effects == {"ta": Effect.HELPS, "la": Effect.NOISE}
    assert rows["LF_H1"].effects == {"ta": Effect.NOISE, "la": Effect.HURTS}
    assert rows["GR_10"].against_plain["ta"].difference == pytest.approx(0.3, abs=0.06)
    assert rows["GR_10"].results.seeds == (1, 2, 3)
    assert rows["GR_10"].against_plain["ta"].seeds_sd is not None
    assert found.complete


def test_seeds_that_one_of_both_lacks_do_not_count(cell):
    _, make = cell
    found = table(cell, make(NONE, 1), make(GR, 1), make(GR, 2))
    row = found.groups[0].rows[1]
    assert row.results.seeds == (1, 2)
    assert row.against_plain["ta"].seeds_sd is None


def test_comparisons_with_plain_phase_2_are_corrected_over_the_whole_matrix(cell):
    _, make = cell
    few = table(cell, make(NONE, 1), make(GR, 1)).groups[0].rows[1].against_plain
    many = table(cell, make(NONE, 1), make(GR, 1), make(LF, 1)).groups[0].rows[1].against_plain
    assert {change.among for change in few.values()} == {2}
    assert {change.among for change in many.values()} == {4}
    assert few["ta"].p_adjusted == pytest.approx(2 * few["ta"].p_value)
    # GR_10's p of TA and LF_H1's p of LA are the smallest a permutation gives: times 4 and times 3, never falling.
    assert many["ta"].p_adjusted == pytest.approx(4 * many["ta"].p_value)
    assert many["ta"].difference == few["ta"].difference


def test_without_a_plain_row_there_is_nothing_to_be_set_against(cell):
    _, make = cell
    assert table(cell, make(GR, 1), make(LF, 1)).groups[0].rows[0].effects == {}


def test_rows_that_are_scored_otherwise_are_no_plain_phase_2_of_each_other(cell):
    _, make = cell
    few, many = (
        [make(one, 1, limit=limit, row=f"limit {limit} · {label}") for one, label in ((NONE, "P2"), (GR, "GR_10"))]
        for limit in (40, 120)
    )
    failed = make(NONE, 1, limit=40, row="limit 40 · P2", failed=True)
    for cells, told in (([*few, *many], {"limit 40 · GR_10", "limit 120 · GR_10"}),
                        ([failed, few[1], *many], {"limit 120 · GR_10"})):  # fmt: skip
        found = table(cell, *cells)
        assert [len({row.results.rows[0].p1.n for row in group.rows}) for group in found.groups] == [1, 1]
        assert {row.label for group in found.groups for row in group.rows if row.effects} == told


def test_a_table_has_the_columns_that_any_of_its_rows_has(cell):
    _, make = cell
    whole = table(cell, make(NONE, 1)).groups[0].rows[0].results
    keys = [column.key for column in columns(whole)]
    parts = [
        whole.model_copy(update={"rows": tuple(row for row in whole.rows if row.benchmark != left_out)})
        for left_out in ("mmlu", "xquad")
    ]
    assert all(len(columns(one)) < len(keys) for one in parts)
    assert sorted(column.key for column in columns_over(parts)) == sorted(keys)
    assert [column.key for column in columns_over(reversed(parts)) if column.suite == "la"] == ["la/xquad", "la"]


def test_a_failed_cell_is_named_and_the_others_keep_their_scores(cell):
    _, make = cell
    found = table(cell, make(NONE, 1), make(GR, 1), make(GR, 2, failed=True))
    assert [(one.label, one.seeds, one.message) for one in found.failed] == [("GR_10", (2,), "out of memory")]
    assert found.groups[0].rows[1].effects["ta"] is Effect.HELPS
    assert not found.complete


def text_of(found, width=200):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(terminal_matrix(found, width))
    return console.export_text()


def test_the_table_as_text(cell):
    _, make = cell
    cells = [make(one, seed) for one in (NONE, GR) for seed in (1, 2)]
    found = table(cell, *cells, make(LF, 1, failed=True))
    shown = text_of(found)
    assert "phase 1: instruct-mini" in shown
    assert "sd of 2 seeds" in shown
    assert "LF_H1, seeds 1: failed (exp_LF_H11): out of memory" in shown
    lines = markdown_matrix(found).splitlines()
    heads = [cell.strip() for cell in lines[0].split("|")[1:-1]]
    assert heads == [
        "phase 1: instruct-mini", "TA: MMLU", "mean", "LA: XQuAD", "mean", "TA against P2", "LA against P2",
    ]  # fmt: skip
    assert {line.count("|") for line in lines if line.startswith("|")} == {8}
    replayed = next(line for line in lines if line.startswith("| GR_10"))
    assert "helps" in replayed
    assert replayed.rstrip(" |").endswith("~")


@pytest.mark.parametrize("width", [80, 200])
def test_nothing_of_the_table_is_cut_on_a_terminal(cell, width):
    _, make = cell
    shown = text_of(table(cell, *(make(one, seed) for one in (NONE, GR) for seed in (1, 2))), width)
    assert "…" not in shown
    assert shown.count("phase 1: instruct-mini") == (2 if width == 80 else 1)
    assert "LA against P2" in shown


def test_the_csv_has_every_score_of_every_row(cell):
    _, make = cell
    found = table(cell, make(NONE, 1), make(GR, 1))
    rows = list(csv.DictReader(io.StringIO(csv_matrix(found))))
    assert {row["row"] for row in rows} == {"P2", "GR_10"}
    ta = next(row for row in rows if (row["row"], row["key"]) == ("GR_10", "ta"))
    assert ta["effect"] == "helps"
    assert float(ta["against_plain_low"]) < float(ta["against_plain"]) < float(ta["against_plain_high"])


def test_the_papers_metric_has_columns_and_no_part_in_the_comparison_with_plain_phase_2(cell):
    _, make = cell
    found = table(cell, *(make(one, 1, paper=True) for one in (NONE, GR)))
    row = found.groups[0].rows[1]
    assert {change.among for change in row.against_plain.values()} == {2}
    heads = markdown_matrix(found).splitlines()[0]
    assert "TA: MMLU (acc) | MMLU (theirs, paper's) | mean | mean (paper's metrics) |" in heads
    lines = list(csv.DictReader(io.StringIO(csv_matrix(found))))
    compared = [one["key"] for one in lines if one["row"] == "GR_10" and one["effect"]]
    assert compared == ["ta", "la"]
