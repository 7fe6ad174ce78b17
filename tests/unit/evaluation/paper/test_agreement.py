"""F1 and exact match of known answers, against values worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.evaluation.paper.metrics.normalisation import squad_words
from cftray.evaluation.paper.metrics.overlap import best_agreement, f1
from cftray.evaluation.paper.pack import MLQA_LANGUAGES, XQUAD_LANGUAGES
from cftray.evaluation.paper.scoring import mlqa, xquad

from .published import QUESTIONS


def item(language: str, *answers: str) -> dict[str, Any]:
    return {"id": "q", "language": language, "answers": list(answers)}


XQUAD = [
    # language, right answer, answer, f1, exact match, the plain f1, the plain exact match
    ("ar", "القاهرة", "قاهرة", 1.0, 1.0, 0.0, 0.0),
    ("ar", "نهر النيل", "على نهر النيل", 4 / 5, 0.0, 4 / 5, 0.0),
    ("de", "der Kölner Dom", "Kölner Dom", 1.0, 1.0, 4 / 5, 0.0),
    ("de", "am Rhein", "Köln liegt am Rhein.", 4 / 6, 0.0, 4 / 6, 0.0),
    ("el", "η Αθήνα", "Αθήνα", 2 / 3, 0.0, 2 / 3, 0.0),
    ("es", "la Habana", "Habana", 1.0, 1.0, 2 / 3, 0.0),
    ("hi", "नई दिल्ली", "नई दिल्ली।", 1.0, 1.0, 2 / 4, 0.0),
    ("ro", "Iași", "Ias\u0326i", 1.0, 1.0, 0.0, 0.0),
    ("ru", "Москва", "«Москва»", 1.0, 1.0, 0.0, 0.0),
    ("th", "กินปลา", "แมวกินปลา", 4 / 5, 0.0, 0.0, 0.0),
    ("tr", "ırmak", "IRMAK", 1.0, 1.0, 0.0, 0.0),
    ("vi", "Hà Nội", "của Hà Nội", 1.0, 1.0, 4 / 5, 0.0),
    ("zh", "北京", "北京市", 4 / 5, 0.0, 0.0, 0.0),
    ("zh", "Python", "使用 Python 语言", 2 / 6, 0.0, 2 / 4, 0.0),
]


@pytest.mark.parametrize(("language", "right", "answer", "score", "exact", "plain", "plain_exact"), XQUAD)
def test_xquad_with_and_without_the_languages_rules(
    language: str, right: str, answer: str, score: float, exact: float, plain: float, plain_exact: float
) -> None:
    assert xquad(item(language, right), [answer]) == pytest.approx(
        {"f1": score, "exact_match": exact, "f1_plain": plain, "exact_match_plain": plain_exact}
    )


@pytest.mark.parametrize(
    ("language", "right", "answer", "score", "exact"),
    [
        ("ar", "القاهرة", "قاهرة", 1.0, 1.0),
        ("ar", "مجال", "مج", 1.0, 1.0),
        ("de", "ein Fluss", "der Fluss Rhein", 2 / 3, 0.0),
        ("es", "unos ríos", "ríos", 1.0, 1.0),
        ("hi", "हिमालय से", "गंगा हिमालय से निकलती है।", 4 / 7, 0.0),
        ("vi", "Hà Nội", "Hà Nội là", 1.0, 1.0),
        ("zh", "长江", "长江和黄河", 4 / 7, 0.0),
        ("zh", "1990年", "１９９０年", 1 / 2, 0.0),
    ],
)
def test_mlqa(language: str, right: str, answer: str, score: float, exact: float) -> None:
    assert mlqa(item(language, right), [answer]) == pytest.approx({"f1": score, "exact_match": exact})


@pytest.mark.parametrize(
    ("right", "answer", "score", "exact"),
    [
        ("Denver Broncos", "the Denver Broncos", 1.0, 1.0),
        ("Denver Broncos", "Carolina Panthers", 0.0, 0.0),
        ("308", "308.", 1.0, 1.0),
        ("Levi's Stadium", "Levi's Stadium in Santa Clara", 4 / 7, 0.0),
        ("to to go", "to go", 4 / 5, 0.0),
        ("gold", "", 0.0, 0.0),
    ],
)
def test_in_english_both_are_squads_definition(right: str, answer: str, score: float, exact: float) -> None:
    squad = best_agreement(answer, [right], squad_words)
    assert squad == pytest.approx((score, exact))
    for scorer in (mlqa, xquad):
        found = scorer(item("en", right), [answer])
        assert (found["f1"], found["exact_match"]) == pytest.approx(tuple(squad))


@pytest.mark.parametrize("language", sorted({*XQUAD_LANGUAGES, *MLQA_LANGUAGES}))
def test_right_swapped_empty_and_foreign_answers(language: str) -> None:
    right = QUESTIONS[language][2]
    swapped = "Vistula" if language != "tr" else "Волга"
    foreign = "완전히 다른 문자"
    scorers = [xquad] if language not in MLQA_LANGUAGES else [xquad, mlqa]
    for scorer in scorers:
        assert set(scorer(item(language, right), [right]).values()) == {1.0}
        for wrong in (swapped, foreign, "", "\n", "?!"):
            assert set(scorer(item(language, right), [wrong]).values()) == {0.0}


def test_the_best_of_several_right_answers_counts() -> None:
    asked = item("de", "Rhein", "der Fluss Rhein bei Köln")
    assert xquad(asked, ["Fluss Rhein"])["f1"] == pytest.approx(2 * 2 / (2 + 4))
    assert xquad(asked, ["der Rhein"])["exact_match"] == 1.0


def test_an_answer_of_which_nothing_is_left() -> None:
    assert f1([], []) == 1.0
    assert f1([], ["a"]) == f1(["a"], []) == 0.0
