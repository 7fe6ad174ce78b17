"""Published annotations: every instruction once, 0 is a draw, and the leaderboard's figure comes out."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cftray.errors import DataError
from cftray.evaluation.judging.gaps import all_judged
from cftray.evaluation.judging.pairs import OTHER_OUTPUT, NoJudgement, Pair
from cftray.evaluation.judging.rates import rates_of
from cftray.evaluation.judging.recorded import RecordedJudge, read_annotations
from cftray.evaluation.judging.reference import Answered, pairs_of, read_reference

Written = Callable[[str, Any], Path]
INSTRUCTIONS = [f"Do {n}." for n in range(6)]


def annotations(*preferences: Any) -> list[dict[str, Any]]:
    return [
        {"instruction": f"Do {n}.", "output_1": "theirs", "output_2": f"mine {n}", "preference": one,
         "annotator": "gpt"} for n, one in enumerate(preferences)
    ]  # fmt: skip


def figures(judge: RecordedJudge, pairs: tuple[Pair, ...]) -> dict[str, float]:
    return rates_of(pairs, all_judged(pairs, judge.compare(pairs), judge.identity))


def test_draws_count_a_half_however_they_are_written(written: Written) -> None:
    judge = read_annotations(written("a.json", annotations(2, 1, 0, 1.5, 2.0, 1.0)), INSTRUCTIONS)
    found = figures(judge, judge.pairs)
    assert found["win_rate"] == (2 + 2 / 2) / 6
    assert (found["draws"], found["win_rate/n"]) == (2, 6)
    assert "position_consistency" not in found
    assert judge.identity == "gpt"


def test_the_order_of_the_annotations_does_not_matter(written: Written) -> None:
    rows = annotations(2, 1, 0, 1, 1, 1)
    judge = read_annotations(written("a.json", rows[::-1]), INSTRUCTIONS)
    assert [one.preference.value for one in judge.compare(judge.pairs)] == [2, 1, 1.5, 1, 1, 1]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (annotations(2, 1, 0, 1, 1), r"5 annotations of 6 instructions: 1 instructions without .* \('Do 5.'\)"),
        (annotations(2, 1, 0, 1, 1, 1, 1), r"1 annotations of other instructions \('Do 6.'\)"),
        (annotations(2, 1, 0, 1, 1, 1) + annotations(2), r"1 .* that are annotated already \('Do 0.'\)"),
        (annotations(2, 1, 0, 1, 1, None), "the preference of 'Do 5.' is None"),
        (annotations(2, 1, 0, 1, 1, True), "the preference of 'Do 5.' is True"),
        (annotations(2, 1, 0, 1, 1, "2"), "the preference of 'Do 5.' is '2'"),
        (annotations(2, 1, 0, 1, 1, 1.97), "weighted preferences"),
        (annotations(2, 1, 0, 1, 1, float("nan")), "the preference of 'Do 5.' is nan"),
    ],
)
def test_annotations_that_are_missing_doubled_foreign_or_no_preference_are_named(
    written: Written, rows: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        read_annotations(written("a.json", rows), INSTRUCTIONS)


def test_an_annotation_of_another_answer_is_none_of_this_one(written: Written) -> None:
    judge = read_annotations(written("a.json", annotations(2, 2, 2, 2, 2, 2)), INSTRUCTIONS)
    pairs = [Pair(item=str(n), instruction=f"Do {n}.", reference="r", output=f"mine {n % 5}") for n in range(6)]
    outcomes = judge.compare(pairs)
    assert isinstance(outcomes[5], NoJudgement)
    assert outcomes[5].reason == OTHER_OUTPUT
    with pytest.raises(DataError, match=r"judge gpt: 1 of 6 answers have no judgement \(1 other-output\).*item 5"):
        all_judged(pairs, outcomes, judge.identity)


def test_the_released_annotations_of_alpaca_7b_give_the_leaderboard_s_win_rate() -> None:
    root = os.environ.get("CFTRAY_REAL_DATA")
    if not root:
        pytest.skip("CFTRAY_REAL_DATA is not set: a folder with the released files of AlpacaEval")
    folder = Path(root) / "alpaca_eval"
    reference = read_reference(folder)
    judge = read_annotations(folder / "alpaca-7b__alpaca_eval_gpt4__annotations.json", reference.instructions)
    found = figures(judge, judge.pairs)
    assert (found["win_rate/n"], found["draws"]) == (805, 16)
    assert round(100 * found["win_rate"], 2) == 26.46
    assert round(100 * found["win_rate/stderr"], 2) == 1.54

    released = json.loads((folder / "alpaca-7b__model_outputs.json").read_text(encoding="utf-8"))
    answers = [Answered(item="-", output=one["output"], instruction=one["instruction"]) for one in released]
    pairs = tuple(pairs_of(reference, answers))
    assert figures(judge, pairs)["win_rate"] == found["win_rate"]
