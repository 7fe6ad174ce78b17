"""Tables of toy results, word for word."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from rich.console import Console

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.grid import columns, signed
from cftray.report.results import Change, Results, Row, Score, Unscored
from cftray.report.story import findings
from cftray.report.tables import csv_text, markdown, terminal_table

from .conftest import World


def row(key: str, p1: float, p2: float | None, verdict: Verdict = Verdict.NOISE) -> Row:
    suite, _, benchmark = key.partition("/")
    change = None
    if p2 is not None:
        change = Change(
            difference=p2 - p1, stderr=0.01, low=p2 - p1 - 0.021, high=p2 - p1 + 0.021,
            p_value=0.01, p_adjusted=0.03, among=3, verdict=verdict, seeds_sd=None, seeds_agree=True,
        )  # fmt: skip
    return Row(
        key=key,
        level=Level.BENCHMARK if benchmark else Level.SUITE,
        suite=suite,
        benchmark=benchmark or None,
        language=None,
        metric="acc" if benchmark else None,
        p1=Score(score=p1, stderr=0.01, n=100),
        p2=None if p2 is None else Score(score=p2, stderr=0.01, n=100),
        change=change,
    )


def toy(*rows: Row) -> Results:
    compared = sum(one.change is not None for one in rows)
    return Results(complete=True, seeds=(17,), rows=rows, replicas=(), comparisons=compared, part_comparisons=0)


FALL = toy(
    row("ta/ifeval", 0.768, 0.334, Verdict.FALLS),
    row("ta/alpaca_eval", 0.61, 0.591),
    row("ta", 0.69, 0.46, Verdict.FALLS),
    row("la/xquad", 0.2, 0.65, Verdict.RISES),
    row("la", 0.2, 0.65, Verdict.RISES),
)
PARTIAL = toy(row("ta/ifeval", 0.5, None), row("la/xquad", 0.25, None), row("la", 0.25, None))


def printed(results: list[tuple[str, Results]], width: int) -> str:
    target = io.StringIO()
    console = Console(file=target, width=width)
    console.print(terminal_table(results, width))
    return "\n".join(line.rstrip() for line in target.getvalue().splitlines())


def test_the_terminal_table() -> None:
    assert (
        printed([("toy", FALL)], 120)
        == """\
        TA: IFEval  AlpacaEval     mean  LA: XQuAD     mean
───────────────────────────────────────────────────────────
P1            76.8        61.0     69.0       20.0     20.0
P2            33.4        59.1     46.0       65.0     65.0
change     −43.4 ▼      −1.9 ~  −23.0 ▼    +45.0 ▲  +45.0 ▲
± 95 %        ±2.1        ±2.1     ±2.1       ±2.1     ±2.1
▲ rises  ▼ falls  ~ inside the noise (95 %, paired by item, 5 comparisons, Holm; scores × 100)"""
    )


def test_a_narrow_terminal_gets_the_suites_under_each_other() -> None:
    text = printed([("toy", FALL)], 60)
    assert max(len(line) for line in text.splitlines()) <= 60
    assert text.index("TA: IFEval") < text.index("LA: XQuAD")


def test_two_experiments_share_columns_and_keep_their_names() -> None:
    text = printed([("similar", PARTIAL), ("dissimilar", FALL)], 120)
    lines = text.splitlines()
    assert lines[2] == "similar"
    assert "50.0           –        –       25.0     25.0" in lines[3]
    assert "dissimilar" in lines


def test_nothing_but_text_where_it_is_not_a_terminal() -> None:
    assert "\x1b" not in printed([("toy", FALL)], 120)


def test_a_suite_without_its_mean_shows_the_gap() -> None:
    found = [(one.suite, one.label, one.row is None) for one in columns(PARTIAL)]
    assert found == [("ta", "IFEval", False), ("ta", "mean", True), ("la", "XQuAD", False), ("la", "mean", False)]


def test_the_markdown_table() -> None:
    assert (
        markdown([("a|b", FALL)])
        == """\
**a\\|b**

|  | TA: IFEval | TA: AlpacaEval | TA: mean | LA: XQuAD | LA: mean |
| --- | ---: | ---: | ---: | ---: | ---: |
| P1 | 76.8 | 61.0 | 69.0 | 20.0 | 20.0 |
| P2 | 33.4 | 59.1 | 46.0 | 65.0 | 65.0 |
| change | −43.4 ▼ | −1.9 ~ | −23.0 ▼ | +45.0 ▲ | +45.0 ▲ |
| ± 95 % | ±2.1 | ±2.1 | ±2.1 | ±2.1 | ±2.1 |

▲ rises  ▼ falls  ~ inside the noise (95 %, paired by item, 5 comparisons, Holm; scores × 100)
"""
    )


def test_csv_has_every_figure_of_every_row() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text([("toy, one", FALL), ("two", PARTIAL)]))))
    assert len(rows) == 8
    assert (rows[0]["experiment"], rows[0]["key"], rows[0]["verdict"]) == ("toy, one", "ta/ifeval", "falls")
    assert float(rows[0]["difference"]) == pytest.approx(-0.434)
    assert rows[5]["p2"] == rows[5]["difference"] == ""


BOTH = toy(
    row("ta/hellaswag", 0.5, 0.4).model_copy(update={"metric": "acc_norm", "noise": 0.012}),
    row("ta/mmlu", 0.5, 0.4).model_copy(update={"whole": False, "parts": 3, "parts_of": 57}),
    row("ta", 0.5, 0.4),
    row("la/xquad", 0.5, 0.4).model_copy(update={"key": "la/xquad/asked", "whole": False, "parts": 4, "parts_of": 11}),
    row("paper/ta/hellaswag", 0.6, 0.5).model_copy(
        update={"suite": "ta", "benchmark": "hellaswag", "metric": "acc", "paper": True}
    ),
    row("paper/ta", 0.6, 0.5).model_copy(
        update={"suite": "ta", "benchmark": None, "level": Level.SUITE, "paper": True, "metric": None}
    ),
)


def test_the_papers_metric_stands_beside_the_other_and_both_are_named() -> None:
    assert [one.label for one in columns(BOTH)] == [
        "HellaSwag (acc_norm)",
        "HellaSwag (acc, paper's)",
        "MMLU, 3 of 57 tasks",
        "mean",
        "mean (paper's metrics)",
        "XQuAD, 4 of 11 languages",
        "mean",
    ]


def test_a_terminal_shows_every_head_whole_in_lines() -> None:
    text = printed([("toy", BOTH)], 100)
    assert "…" not in text
    over = [line.split() for line in text.splitlines()[:4]]
    assert {"(acc_norm)", "paper's)"} <= {word for line in over for word in line}


def test_the_noise_floor_is_a_line_of_the_table() -> None:
    lines = markdown([("toy", BOTH)]).splitlines()
    (floor,) = [line for line in lines if line.startswith("| noise floor")]
    assert [cell.strip() for cell in floor.split("|")[2:5]] == ["1.2", "", ""]
    assert "any change up to the noise floor" in lines[-1]
    assert "noise floor" in printed([("toy", BOTH)], 200)


def test_a_single_model_is_one_line() -> None:
    alone = PARTIAL.model_copy(update={"single": True})
    text = markdown([("toy", alone)])
    assert "| score | 50.0 |" in text
    assert "P1" not in text


def test_the_papers_comparisons_are_said_to_be_corrected_on_their_own() -> None:
    text = markdown([("toy", BOTH.model_copy(update={"paper_comparisons": 2, "group_comparisons": 2}))])
    assert "2 by the paper's metrics and 2 over groups of languages corrected on their own" in text


def test_what_was_not_scored_stands_under_the_table() -> None:
    lacking = Unscored(
        model="p1", seed=17, task="ifeval", benchmark="ifeval", language="en", n=77, of=541,
        reasons={"needs punkt_tab": 77},
    )  # fmt: skip
    told = PARTIAL.model_copy(update={"unscored": (lacking,)})
    words = "IFEval, P1: 77 of 541 items not scored"
    assert words in printed([("toy", told)], 160)
    assert words in markdown([("toy", told)])
    assert words not in printed([("toy", PARTIAL)], 160)


def test_csv_says_which_metric_and_how_much_of_the_languages() -> None:
    rows = {one["key"]: one for one in csv.DictReader(io.StringIO(csv_text([("toy", BOTH)])))}
    assert (rows["paper/ta/hellaswag"]["metric"], rows["paper/ta/hellaswag"]["paper"]) == ("acc", "True")
    assert (rows["la/xquad/asked"]["parts"], rows["la/xquad/asked"]["parts_of"]) == ("4", "11")
    assert float(rows["ta/hellaswag"]["noise"]) == pytest.approx(0.012)


def test_minus_signs_are_minus_signs() -> None:
    assert (signed(-0.019), signed(0.019), signed(-0.0001)) == ("−1.9", "+1.9", "+0.0")


def test_findings_are_computed_from_verdicts() -> None:
    assert findings(FALL) == [
        "Task ability falls from 69.0 to 46.0 (−23.0 ± 2.1): IFEval falls by 43.4.",
        "Language ability rises from 20.0 to 65.0 (+45.0 ± 2.1): XQuAD rises by 45.0.",
        "One seed: how far another seed would differ is not known.",
    ]
    assert findings(PARTIAL)[0].startswith("P1's task ability and language ability is known; P2 is not evaluated")
    noise = toy(row("ta/mmlu", 0.5, 0.51), row("ta", 0.5, 0.51))
    assert "inside the noise" in findings(noise)[0]


def test_a_table_of_real_results(world: Callable[..., World]) -> None:
    from cftray.report.results import results

    made = world(seeds=[1, 2])
    made.record_all()
    text = printed([("toy", results(made.plan, made.store))], 120)
    assert "sd, seeds" in text
    assert "mean of 2 seeds" in text
