"""Which answers are set aside, and why."""

import pytest

from cftray.generation.batches import Prompt, compose
from cftray.generation.usable import fault_of, is_looping, is_repetitive


@pytest.mark.parametrize(
    ("text", "ended", "fault"),
    [
        ("A good answer.", True, None),
        ("", True, "empty"),
        (" \n", False, "empty"),
        ("It goes on and", False, "cut"),
        ("so it is " * 4, True, "looping"),
        ("so it is " * 4, False, "looping"),
        ("Well then: so it is so it is so it is", True, None),
        ("red " * 8, True, None),
        ("red " * 16, True, "looping"),
        ("To cook rice, wash it and boil it. " * 5 + "But not today", False, "repetitive"),
    ],
)
def test_what_is_wrong_with_an_answer(text, ended, fault):
    assert fault_of(text, ended=ended) == fault


def test_a_loop_counts_where_the_text_ends():
    assert is_looping("first " + "a b c d " * 5)
    assert not is_looping("a b c d " * 5 + "and then another end")


SONG = "Verse 1: The road is long and winding on. Chorus: Oh sing with me, oh sing with me again. Verse 2: The sea is "
RULE = "Drink a glass of water in the morning."


@pytest.mark.parametrize(
    "text",
    [
        f"{RULE} Sleep well. " * 4 + "That is all there is to say about this.",
        "\n".join(f"{number}. {RULE}" for number in range(1, 6)),
        "First this: " + "the cat sat on the mat and " * 5 + "it was over, though not before long.",
    ],
)
def test_an_answer_most_of_which_was_said_before_is_repetitive_wherever_it_repeats(text):
    assert is_repetitive(text)
    assert not is_looping(text)


@pytest.mark.parametrize(
    "text",
    [
        SONG + "deep and grey. Chorus: Oh sing with me, oh sing with me again.",
        "\n".join(f"{number} x 7 = {number * 7}" for number in range(1, 11)),
        "7 + 7 + 7 + 7 + 7 + 7 + 7 + 7 + 7 = 9 x 7",
    ],
    ids=["a song with a chorus", "a table of numbers", "a short answer"],
)
def test_what_a_task_may_well_ask_for_is_not_repetitive(text):
    assert not is_repetitive(text)


def test_batches_follow_from_all_prompts_alone():
    prompts = [Prompt(place=n, id=f"r{n}", tokens=[1] * length, most=8) for n, length in enumerate([3, 9, 9, 1, 5])]
    wanted = [["r1", "r2"], ["r4", "r0"], ["r3"]]
    assert [[one.id for one in batch] for batch in compose(prompts, 2)] == wanted
    assert compose(reversed(prompts), 2) == compose(prompts, 2)
