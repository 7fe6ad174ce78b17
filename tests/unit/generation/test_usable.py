"""Which answers are set aside, and why."""

import pytest

from cftray.generation.batches import Prompt, compose
from cftray.generation.usable import fault_of, is_looping


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
    ],
)
def test_what_is_wrong_with_an_answer(text, ended, fault):
    assert fault_of(text, ended=ended) == fault


def test_a_loop_counts_where_the_text_ends():
    assert is_looping("first " + "a b c d " * 5)
    assert not is_looping("a b c d " * 5 + "and then another end")


def test_batches_follow_from_all_prompts_alone():
    prompts = [Prompt(place=n, id=f"r{n}", tokens=[1] * length) for n, length in enumerate([3, 9, 9, 1, 5])]
    wanted = [["r1", "r2"], ["r4", "r0"], ["r3"]]
    assert [[one.id for one in batch] for batch in compose(prompts, 2)] == wanted
    assert compose(reversed(prompts), 2) == compose(prompts, 2)
