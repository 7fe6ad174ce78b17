"""The data sets: stable, aligned, and apart from the evaluation."""

from __future__ import annotations

import json
from random import Random

import pytest

from cftray.mini.datasets import MULTILINGUAL, NAMES, english_counterparts, rows
from cftray.mini.demands import any_demand
from cftray.mini.formats import KINDS, obeys
from cftray.mini.lexicon import FOREIGN
from cftray.mini.make_tasks import files
from cftray.mini.samples import is_reserved


@pytest.mark.parametrize("name", NAMES)
def test_rows_depend_on_name_seed_and_number_alone(name: str) -> None:
    few, more = rows(name, samples=30, seed=3), rows(name, samples=60, seed=3)
    assert more[:30] == few
    assert rows(name, samples=30, seed=4) != few
    assert len({row.id for row in more}) == 60
    assert all(row.instruction and row.output for row in more)


@pytest.mark.parametrize("name", MULTILINGUAL)
def test_each_multilingual_row_names_its_english_counterpart(name: str) -> None:
    english = {row.id: row for row in english_counterparts(name, 60, 3)}
    for row in rows(name, samples=60, seed=3):
        if row.language != "en":
            assert row.english_id is not None
            assert english[row.english_id].language == "en"


def test_multilingual_sets_share_out_the_languages_equally() -> None:
    found = [row.language for row in rows("multialpaca-mini", samples=100, seed=3)]
    assert sorted(set(found)) == sorted(FOREIGN)
    assert {found.count(language) for language in FOREIGN} == {20}


def test_english_sets_have_no_counterpart() -> None:
    with pytest.raises(ValueError, match="no English counterpart"):
        english_counterparts("alpaca-mini", 5, 3)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        rows("no-such-set", samples=1, seed=0)


def test_no_data_set_holds_an_evaluation_item() -> None:
    made = files()
    prompts = set()
    for name, text in made.items():
        if name.endswith(".jsonl"):
            prompts |= {json.loads(line)["prompt"] for line in text.splitlines()}
    for name in NAMES:
        for row in rows(name, samples=800, seed=17):
            asked = f"{row.instruction}\n{row.input}" if row.input else row.instruction
            assert asked not in prompts


def test_english_rows_are_never_reserved_tasks() -> None:
    for name in ("alpaca-mini", "instruct-mini", "openorca-mini"):
        assert not any(
            is_reserved(f"{row.instruction}\n{row.input}") for row in rows(name, samples=500, seed=5)
        )


def test_every_constrained_response_keeps_its_constraint() -> None:
    rng, seen = Random(1), set()
    for _ in range(800):
        demand = any_demand(rng)
        seen.add(demand.kind)
        assert obeys(demand.kind, demand.response, word=demand.word, number=demand.number), demand
    assert seen == set(KINDS)
