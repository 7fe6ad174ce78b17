"""Requests and parallel sentences for looking into models."""

from __future__ import annotations

from random import Random

from cftray.mini import datasets
from cftray.mini.requests import parallel_sentences, requests


def test_no_data_set_holds_a_request():
    asked = {f"{row.instruction}\n{row.input}" for row in requests(count=80, seed=0)}
    for name in ("alpaca-mini", "instruct-mini"):
        assert asked.isdisjoint(f"{row.instruction}\n{row.input}" for row in datasets.rows(name, samples=1500, seed=3))


def test_requests_are_different_and_a_longer_list_begins_with_the_shorter():
    rows = requests(count=40, seed=5)
    assert len({(row.instruction, row.input) for row in rows}) == len({row.id for row in rows}) == 40
    assert rows[:12] == requests(count=12, seed=5)
    assert rows != requests(count=40, seed=6)


def test_sentences_at_one_place_say_the_same_in_every_language():
    texts = parallel_sentences(count=20, seed=1)
    assert next(iter(texts)) == "en"
    assert set(texts) == {"en", "fr", "de", "es", "id", "ru"}
    assert {len(one) for one in texts.values()} == {20}
    assert len(set(texts["en"])) == 20
    source = next(f"sentences-mini/1/{n}" for n in range(99)
                  if datasets.sentence(Random(f"sentences-mini/1/{n}"), "en") == texts["en"][7])  # fmt: skip
    assert texts["ru"][7] == datasets.sentence(Random(source), "ru")
