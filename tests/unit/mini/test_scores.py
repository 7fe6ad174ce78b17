"""Format checks, answer scores and the rule judge."""

from __future__ import annotations

import pytest

from cftray.mini.formats import obeys
from cftray.mini.scores import answer, f1, ifeval, quality, rouge_l, summary, win_rate


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("upper", "THE ANSWER IS CAT.", "The answer is cat."),
        ("lower", "the answer is france.", "The answer is France."),
        ("quotes", '"cat"', "cat"),
        ("json", '{ "word": "cat" }', '{ "other": "cat" }'),
        ("repeat", "word word", "word word word"),
        ("start_with", "word. The answer is cat.", "The answer is word."),
        ("end_with", "The answer is cat. word", "word. The answer is cat."),
        ("exact_words", "cat, dog", "cat"),
        ("bullets", "- cat\n- dog", "cat, dog"),
        ("semicolons", "cat; dog", "cat, dog"),
        ("forbidden", "cat", "the word is cat"),
        ("no_comma", "cat dog", "cat, dog"),
        ("at_most", "cat dog", "cat, dog, cow"),
    ],
)
def test_a_constraint_is_seen_kept_and_broken(kind: str, good: str, bad: str) -> None:
    assert obeys(kind, good, word="word", number=2)
    assert not obeys(kind, bad, word="word", number=2)
    assert not obeys(kind, " ", word="word", number=2)


def test_ifeval_scores_one_prompt() -> None:
    doc = {"kind": "repeat", "word": "cat", "number": 3}
    assert ifeval(doc, ["cat cat cat"]) == {"prompt_level_strict_acc": 1.0}
    assert ifeval(doc, ["cat cat"]) == {"prompt_level_strict_acc": 0.0}


def test_f1_and_exact_match() -> None:
    assert answer({"answer": "Küche"}, ["küche."]) == {"f1": 1.0, "exact_match": 1.0}
    assert answer({"answer": "кухня"}, ["ответ кухня"]) == {"f1": pytest.approx(2 / 3), "exact_match": 0.0}
    assert f1([], ["cat"]) == 0.0


def test_rouge_l_follows_the_order_of_words() -> None:
    assert rouge_l(["a", "b", "c"], ["a", "b", "c"]) == 1.0
    assert rouge_l(["c", "b", "a"], ["a", "b", "c"]) == pytest.approx(1 / 3)
    assert rouge_l(["a", "x", "c"], ["a", "c"]) == pytest.approx(0.8)
    assert summary({"answer": "Anna: Paris, pain"}, ["anna : paris pain"]) == {"rouge_l": 1.0}


FACT = {"kind": "fact", "question": "Where does the cat live?", "answer": "house", "topic": "", "number": 1}


@pytest.mark.parametrize("text", ["house", "The cat lives in the house.", "Sure. The answer is house."])
def test_the_judge_takes_a_right_answer_in_any_style(text: str) -> None:
    assert quality(FACT, text) == 1.0


@pytest.mark.parametrize("text", ["forest", "maison", "", "The cat lives in the lake."])
def test_the_judge_refuses_a_wrong_answer(text: str) -> None:
    assert quality(FACT, text) == 0.0


def test_the_judge_wants_a_list_of_the_right_kind_and_length() -> None:
    doc = {"kind": "list", "question": "", "answer": "cat, dog", "topic": "animal", "number": 2}
    assert quality(doc, "cow, pig") == 1.0
    assert 0 < quality(doc, "cow") < 1
    assert 0 < quality(doc, "cow, red") < 1
    assert 0 < quality(doc, "cow, cow") < 1


@pytest.mark.parametrize(("reference", "rate"), [("lake", 1.0), ("house", 0.5)])
def test_a_draw_counts_a_half(reference: str, rate: float) -> None:
    assert win_rate({**FACT, "reference": reference}, ["house"]) == {"win_rate": rate}
