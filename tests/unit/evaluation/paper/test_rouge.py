"""ROUGE of known summaries, against values worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.evaluation.paper.metrics.rouge import plain_rouge_l, rouge
from cftray.evaluation.paper.scoring import xlsum

from .published import SUMMARIES


def item(language: str, summary: str) -> dict[str, Any]:
    return {"id": "a", "language": language, "text": "", "summary": summary}


@pytest.mark.parametrize(
    ("language", "right", "summary", "one", "two", "longest", "plain"),
    [
        # six words each; the, cat, on, mat in common and in order; one pair of neighbours of five
        ("en", "the cat sat on the mat", "The cat lay on a mat.", 4 / 6, 1 / 5, 4 / 6, 4 / 6),
        # all words in common, at most two in order
        ("en", "one two three", "three one two", 3 / 3, 1 / 2, 2 / 3, 2 / 3),
        ("es", "el niño come pan", "El niño bebe", 4 / 7, 2 / 5, 4 / 7, 6 / 9),
        ("fr", "L’été commence", "l'été finit", 4 / 6, 2 / 4, 4 / 6, 4 / 6),
        ("hi", "भारत ने मैच जीता", "भारत ने मैच हारा।", 3 / 4, 2 / 3, 3 / 4, 0.0),
        ("ar", "فاز الفريق في المباراة", "خسر الفريق في المباراة", 3 / 4, 2 / 3, 3 / 4, 0.0),
        ("zh", "北京下雪了", "北京下雨了。", 4 / 5, 2 / 4, 4 / 5, 0.0),
        # 東 京 で オリンピック against 東 京 の オリンピック
        ("ja", "東京でオリンピック", "東京のオリンピック", 3 / 4, 1 / 3, 3 / 4, 0.0),
        ("th", "แมวกินปลา", "แมวกินหนู", 2 / 3, 1 / 2, 2 / 3, 0.0),
    ],
)
def test_summaries_in_words_of_their_language(
    language: str, right: str, summary: str, one: float, two: float, longest: float, plain: float
) -> None:
    assert rouge(summary, right, language) == pytest.approx({"rouge_1": one, "rouge_2": two, "rouge_l": longest})
    assert plain_rouge_l(summary, right) == pytest.approx(plain)


@pytest.mark.parametrize("language", sorted(SUMMARIES))
def test_right_empty_and_foreign_summaries(language: str) -> None:
    right = SUMMARIES[language][1]
    found = xlsum(item(language, right), [right])
    assert {name: found[name] for name in ("rouge_1", "rouge_2", "rouge_l")} == dict.fromkeys(
        ("rouge_1", "rouge_2", "rouge_l"), 1.0
    )
    for wrong in ("", "\n", "。!", "완전히 다른 문자"):
        assert set(xlsum(item(language, right), [wrong]).values()) == {0.0}


@pytest.mark.parametrize(("language", "plain"), [("ar", 0.0), ("hi", 0.0), ("ja", 0.0), ("zh", 0.0), ("fr", 1.0)])
def test_the_packages_own_words_see_latin_letters_alone(language: str, plain: float) -> None:
    right = SUMMARIES[language][1]
    assert xlsum(item(language, right), [right])["rouge_l_plain"] == plain


def test_a_swapped_summary_scores_below_the_right_one() -> None:
    swapped = xlsum(item("zh", "球队赢得比赛"), ["总统访问首都"])
    assert swapped["rouge_l"] == 0.0
