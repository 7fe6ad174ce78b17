"""The bare loop: what it trains on and how it averages."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.data.rows import Row
from cftray.mini.make_base import BASE
from cftray.mini.pack import TASKS
from cftray.mini.plain_loop import Phase, encode, load, suite_means, train


def test_suite_means_weigh_benchmarks_and_not_languages() -> None:
    scores = {task.task: (1.0 if task.benchmark == "xlsum" else 0.0) for task in TASKS}
    means = suite_means(scores)
    assert means["la"] == pytest.approx(1 / 3)
    assert means["ta"] == 0.0
    assert means["xlsum"] == 1.0


@pytest.fixture(scope="module")
def base() -> tuple[Any, Any]:
    return load(BASE)


def test_only_the_response_and_its_end_are_supervised(base: tuple[Any, Any]) -> None:
    _, tokenizer = base
    row = Row(id="x", instruction="Reverse the list: cat, dog", output="dog, cat", system="You help a child.")
    prompt, response = encode(tokenizer, [row])[0]
    assert tokenizer.decode(response) == "dog, cat</s>"
    assert prompt[0] == tokenizer.bos_token_id
    assert prompt.count(tokenizer.bos_token_id) == 1


def test_training_lowers_the_loss(base: tuple[Any, Any]) -> None:
    model, tokenizer = base
    rows = [Row(id=str(n), instruction=f"Say the word {w}.", output=w) for n, w in enumerate(("cat", "dog"))]
    short = Phase(lr=2e-3, samples=2, epochs=1, batch=2, warmup=1)
    long = Phase(lr=2e-3, samples=2, epochs=12, batch=2, warmup=1)
    before = train(model, tokenizer, rows, short, seed=1)
    after = train(model, tokenizer, rows, long, seed=1)
    assert after["loss"] < before["loss"]
    assert after["steps"] == 12
