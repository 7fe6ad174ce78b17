"""IFEval's checkers: known answers, what can't be checked here, and the same score twice."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from cftray.errors import DataError
from cftray.evaluation.paper.metrics.following import followed
from cftray.evaluation.paper.scoring import ifeval, pooled

from .published import INSTRUCTED

ALL = ("prompt_level_strict_acc", "prompt_level_loose_acc", "inst_level_strict_acc", "inst_level_loose_acc")


def item(*kinds: str, **arguments: Any) -> dict[str, Any]:
    """`arguments` are the first instruction's."""
    return {
        "id": "1",
        "key": 1,
        "prompt": "Do as you are told.",
        "instruction_id_list": list(kinds),
        "kwargs": json.dumps([arguments, *({} for _ in kinds[1:])]),
    }


NO_COMMA_WITH_TITLE = item("punctuation:no_comma", "detectable_format:title")


@pytest.mark.parametrize(
    ("asked", "answer", "strict", "loose"),
    [
        (NO_COMMA_WITH_TITLE, "<<Rivers>> They flow.", [True, True], [True, True]),
        (NO_COMMA_WITH_TITLE, "<<Rivers>> They flow, mostly.", [False, True], [False, True]),
        (NO_COMMA_WITH_TITLE, "", [False, False], [False, False]),
        (item("startend:quotation"), '"Here it is."', [True], [True]),
        (item("startend:quotation"), 'Sure!\n"Here it is."', [False], [True]),
        (item("length_constraints:number_words", relation="at least", num_words=3), "one two", [False], [False]),
        (item("length_constraints:number_words", relation="at least", num_words=3), "one two three", [True], [True]),
        (item("change_case:english_lowercase"), "everything here is written in small letters", [True], [True]),
        (item("change_case:english_lowercase"), "Everything here is written in small letters", [False], [False]),
        (item("language:response_language", language="hi"), "यह उत्तर हिन्दी में लिखा गया है।", [True], [True]),
        (item("language:response_language", language="hi"), "This answer is written in English.", [False], [False]),
        (item("keywords:forbidden_words", forbidden_words=["rain"]), "It snows.", [True], [True]),
    ],
)
def test_strict_and_loose(asked: dict[str, Any], answer: str, strict: list[bool], loose: list[bool]) -> None:
    assert ifeval(asked, [answer]) == {
        "prompt_level_strict_acc": float(all(strict)),
        "inst_level_strict_acc": strict,
        "prompt_level_loose_acc": float(all(loose)),
        "inst_level_loose_acc": loose,
    }


@pytest.mark.usefixtures("without_punkt")
def test_what_needs_punkt_stays_without_a_score_where_it_is_not_there() -> None:
    asked = item("length_constraints:number_sentences", "punctuation:no_comma", relation="at least", num_sentences=2)
    found = ifeval(asked, ["One. Two."])
    assert set(found) == {"unscored"}
    assert "python -m nltk.downloader punkt_tab" in found["unscored"]
    assert set(ifeval(item("punctuation:no_comma"), ["One. Two."])) == set(ALL)


@pytest.mark.usefixtures("with_punkt")
def test_sentences_are_counted_where_it_is() -> None:
    asked = item("length_constraints:number_sentences", relation="at least", num_sentences=2)
    assert ifeval(asked, ["One sentence. Another sentence."])["prompt_level_strict_acc"] == 1.0
    assert ifeval(asked, ["One sentence alone."])["prompt_level_strict_acc"] == 0.0
    capitals = item("change_case:capital_word_frequency", capital_relation="at least", capital_frequency=2)
    assert ifeval(capitals, ["LOUD AND clear."])["prompt_level_strict_acc"] == 1.0
    assert ifeval(capitals, ["LOUD and clear."])["prompt_level_strict_acc"] == 0.0


def test_a_short_text_is_in_the_same_language_every_time() -> None:
    asked = item("language:response_language", language="de")
    answers = {followed(asked, "Kind in hand")["prompt_level_strict_acc"] for _ in range(30)}
    assert len(answers) == 1  # unseeded, one time in four it is English


@pytest.mark.parametrize("asked", [item("length_constraints:rhyme"), item("language:response_language", language="xx")])
def test_an_instruction_that_nobody_can_check_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"ifeval, item 1: lm-eval's checkers can't check .*mend the file"):
        ifeval(asked, ["An answer."])


def test_a_drawn_argument_is_the_same_every_time() -> None:
    asked = item("keywords:existence")
    answer = "western sentence signal dump spot opposite bottom potato administration working welcome"
    assert len({str(followed(asked, answer)) for _ in range(10)}) == 1


def test_checking_draws_nothing_from_anybodys_random_numbers() -> None:
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    followed(item("keywords:existence"), "an answer")
    assert random.random() == expected


def test_an_answer_that_loops_through_brackets_is_no_json() -> None:
    asked = item("detectable_format:json_format")
    assert ifeval(asked, ["[" * 6000])["prompt_level_strict_acc"] == 0.0
    assert ifeval(asked, ['{"a": 1}'])["prompt_level_strict_acc"] == 1.0


def test_every_kind_of_odd_answer_gets_a_score() -> None:
    kinds = {one for row in INSTRUCTED for one in row["instruction_id_list"]} - {"length_constraints:number_sentences"}
    for answer in ("", " ", "\n\n", "***", "\n\n\n***\n", "<<>>", "{", "\u0000", "P.S.", "😀", "\ud83d"):
        assert set(ifeval(item(*sorted(kinds)), [answer])) == set(ALL)


def test_instructions_are_pooled_over_prompts() -> None:
    assert pooled([[True, False], [True], [True]]) == 3 / 4


SEALED = """
import nltk, nltk.downloader, socket
def no(*_, **__): raise SystemExit("fetches")
nltk.download = no
socket.socket.connect = no
from cftray.evaluation.paper.metrics.following import followed
item = {"id": "1", "key": 1, "prompt": "p", "instruction_id_list": ["punctuation:no_comma"], "kwargs": "[{}]"}
assert followed(item, "a b")["prompt_level_strict_acc"] == 1.0
assert nltk.download is no
"""


def test_the_checkers_are_imported_without_fetching_anything(tmp_path: Any) -> None:
    environment = {"NLTK_DATA": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", SEALED], capture_output=True, text=True, env=environment, check=False, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert "Downloaded" not in done.stdout
