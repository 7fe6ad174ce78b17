"""A batch through translator and gate: what fails is tried once more, otherwise, then told with its reason."""

from __future__ import annotations

import pytest

from cftray.data.rows import Row
from cftray.plan import TranslateConfig
from cftray.translation.sentences import Unit
from cftray.translation.work import Gate, translate_rows
from tests.unit.translation.fakes import Played

LONG = "The small brown fox jumps over the big old dog near the river bank."


def judged(say, *, unit=Unit.SENTENCE, into="de", encode=None, identify=None, gate=None, **row):
    settings = {"into": into, "translator": {"kind": "dictionary"}, "gate": gate or {}}
    config = TranslateConfig.model_validate(settings | ({"min_similarity": 0.5} if encode else {}))
    whole = Row(**({"id": "a", "instruction": "Say it.", "output": "Done."} | row))
    (outcome,) = translate_rows([whole], Played(say, unit), Gate(config=config, identify=identify, encode=encode))
    return outcome


def turned(text, again):
    """A translation as long as its text, with its markers and digits."""
    return "".join(chr(ord(one) + 1) if one.isalpha() and one not in "zZ" else one for one in text)


def test_a_good_translation_is_taken_at_once():
    outcome = judged(turned, instruction=f"{LONG} See `x` and 12 cats.")
    assert (outcome.reason, outcome.tried) == (None, 1)
    assert outcome.row.instruction.endswith("`x` boe 12 dbut.")
    assert (outcome.row.id, outcome.row.english_id, outcome.row.language) == ("a@de", "a", "de")


def without_markers(text, again):
    return turned(text.replace("[0]", ""), again)


def test_lost_markers_are_mended_by_cutting_around_what_stays():
    outcome = judged(without_markers, instruction="Open `file` and read it.")
    assert (outcome.reason, outcome.tried) == (None, 2)
    assert "`file`" in outcome.row.instruction


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (lambda text, again: None, "unanswered"),
        (lambda text, again: "Nur dies.", "length"),
        (lambda text, again: text, "unchanged"),
        (lambda text, again: " ".join(f"wort{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)), "length"),
        (lambda text, again: "immer wieder so " * 6, "repetition"),
    ],
)
def test_what_is_wrong_twice_is_told_by_its_reason(say, reason):
    outcome = judged(say, instruction=LONG)
    assert (outcome.reason, outcome.tried) == (reason, 2)


def test_a_lost_number_is_mended_by_cutting_around_it_too():
    def without_digits(text, again):
        return turned(text, again).replace("12", "")

    outcome = judged(without_digits, instruction="Count 12 cats now.")
    assert (outcome.reason, outcome.tried) == (None, 2)
    assert outcome.row.instruction == "Dpvou 12 dbut opx."


def test_a_second_try_for_another_reason_is_not_cut():
    def tried(text, again):
        return turned(text, again) if again else "Kurz."

    outcome = judged(tried, instruction=f"{LONG} In 1998 too.")
    assert (outcome.reason, outcome.row.instruction[-13:]) == (None, " Jo 1998 upp.")


def test_a_chat_that_breaks_a_list_is_asked_line_by_line():
    def chat(text, again):
        return turned(text if again else text.replace("- ", "").replace("\n", " "), again)

    outcome = judged(chat, unit=Unit.TEXT, output="- red cat\n- blue dog\n- green cow")
    assert (outcome.reason, outcome.tried) == (None, 2)
    assert [line[:2] for line in outcome.row.output.splitlines()] == ["- ", "- ", "- "]


def test_the_wrong_language_is_told_by_whoever_identifies_it():
    wrong = judged(turned, instruction=LONG, identify=lambda text, code: False)
    assert wrong.reason == "language"
    spared = judged(turned, instruction=LONG, identify=lambda text, code: False, gate={"language": False})
    assert spared.reason is None


def test_short_texts_are_judged_neither_by_length_nor_by_language():
    outcome = judged(lambda text, again: text, instruction="Paris", output="Anna", identify=lambda *_: False)
    assert outcome.reason is None


def test_another_meaning_is_told_by_the_encoder():
    import numpy as np

    def encode(texts):
        return np.array([[1.0, 0.0] if "fox" in text else [0.0, 1.0] for text in texts])

    assert judged(turned, instruction=LONG, encode=encode).reason == "similarity"
    assert judged(lambda text, again: f"{turned(text, again)} fox", instruction=LONG, encode=encode).reason is None


def test_a_task_about_english_is_never_asked_for():
    def never(text, again):
        raise AssertionError(text)

    outcome = judged(never, instruction="Which word rhymes with moon?")
    assert (outcome.reason, outcome.tried, outcome.row) == ("rhyme", 0, None)


def test_json_stays_json():
    outcome = judged(lambda text, again: f'{turned(text, again)} "x"', output='{"name": "the cat"}')
    assert outcome.row.output == '{"name": "uif dbu \\"x\\""}'


def test_chinese_has_no_space_between_sentences():
    outcome = judged(lambda text, again: "好。", into="zh", output="Well. Good.")
    assert outcome.row.output == "好。好。"
