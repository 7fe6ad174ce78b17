"""Batches of one task's requests."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cftray.evaluation.compose import TYPICAL, WIDEST, compose, length, shape
from cftray.evaluation.requests import Request


def request(place: int, context: list[int], continuation: list[int] | None = None) -> Request:
    return Request(
        place=place, doc=place, index=0, item=str(place), prompt="", prompt_sha256="", context=context,
        continuation=continuation or [], cut=False,
    )  # fmt: skip


def places(batches: list[list[Request]]) -> list[list[int]]:
    return [[one.place for one in batch] for batch in batches]


def test_the_longest_come_first_and_equal_lengths_in_order() -> None:
    found = compose([request(0, [1, 2]), request(1, [3, 4, 5]), *(request(n, [6, 7]) for n in (2, 3, 4))], 1)
    assert places(found) == [[1, 0, 2, 3], [4]]


def test_a_batch_holds_fewer_sequences_where_they_are_long() -> None:
    long = [request(n, [1] * (2 * TYPICAL)) for n in range(3)]
    short = [request(n, [1] * TYPICAL) for n in range(3, 8)]
    longest = [request(8, [1] * (100 * TYPICAL))]
    assert places(compose([*long, *short, *longest], 4)) == [[8], [0, 1], [2, 3], [4, 5, 6, 7]]


def test_equal_prompts_that_are_answered_stay_sequences_of_their_own() -> None:
    found = compose([request(n, [1, 2]) for n in range(5)], 1)
    assert places(found) == [[0, 1, 2, 3], [4]]


def test_choices_of_one_token_count_as_one_sequence() -> None:
    choices = [request(n, [1, 2], [10 + n]) for n in range(4)]
    others = [request(4 + n, [1, 2], [10 + n, 11]) for n in range(3)]
    found = compose([*choices, *others, request(7, [3], [12])], 1)
    assert places(found) == [[4, 5, 6, 0, 1, 2, 3], [7]]
    assert shape(found[0]).model_dump() == {"requests": 7, "sequences": 4, "length": 3}


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5), min_size=1, max_size=30), st.integers(1, 7))
def test_each_request_once_in_full_batches_whatever_order_they_come_in(prompts: list[list[int]], size: int) -> None:
    requests = [request(place, tokens) for place, tokens in enumerate(prompts)]
    found = compose(requests, size)
    assert sorted(one for batch in places(found) for one in batch) == list(range(len(prompts)))
    assert all(len(batch) == WIDEST * size for batch in found[:-1])
    lengths = [length(one) for batch in found for one in batch]
    assert lengths == sorted(lengths, reverse=True)
    shuffled = random.Random(size).sample(requests, len(requests))
    assert places(compose(sorted(shuffled, key=lambda one: one.place), size)) == places(found)


def test_short_sequences_fill_the_room_of_long_ones_up_to_four_times_the_size() -> None:
    short = [request(n, [1] * 8) for n in range(20)]
    assert [len(batch) for batch in compose(short, 4)] == [16, 4]
    middling = [request(n, [1] * (TYPICAL // 2)) for n in range(20)]
    assert [len(batch) for batch in compose(middling, 4)] == [8, 8, 4]


def test_answers_take_room_too_but_make_no_batch_smaller_than_its_size() -> None:
    short = [request(n, [1] * 8) for n in range(20)]
    assert [len(batch) for batch in compose(short, 4, answer=TYPICAL // 2 - 8)] == [8, 8, 4]
    assert [len(batch) for batch in compose(short, 4, answer=100 * TYPICAL)] == [4] * 5
