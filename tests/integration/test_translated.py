"""An English set translated through the service: languages over Ray Data's actors, replay from the source."""

from __future__ import annotations

import json

import pytest

from cftray.client import Client
from cftray.spec import experiment_from_document
from cftray.store import Store

PATIENCE_S = 840.0

pytestmark = pytest.mark.timeout(900)

PHASE = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 16, "max_length": 128, "warmup_steps": 2}


@pytest.fixture(scope="module")
def client(stack):
    whole = Client(stack.state.url("api"))
    yield whole
    whole.close()


@pytest.fixture(scope="module")
def done(client):
    """alpaca-mini in French and German as phase 2, with replay of its own English rows."""
    run = client.submit(
        experiment_from_document(
            {
                "name": "translated",
                "project": "tests",
                "base": "mini:base",
                "phase1": {"train": {"data": {"mini": "instruct-mini", "samples": 64}, "hyperparameters": PHASE}},
                "phase2": {
                    "data": {
                        "translate": {"mini": "alpaca-mini", "samples": 40},
                        "into": ["fr", "de"],
                        "translator": {"kind": "dictionary"},
                    },
                    "hyperparameters": PHASE,
                    "mitigation": {"kind": "generative_replay", "ratio": 0.1, "surplus": 1.0, "shortfall": "accept"},
                },
                "evaluation": {"limit": 4},
                "seeds": [1],
            }
        )
    )
    run.wait(timeout=PATIENCE_S)
    return run


def record(done, stack, name):
    stage = next(one for one in done.refresh().view["plan"]["stages"] if one["name"] == name)
    store = Store(stack.store)
    return store, store.record(stage["fingerprint"])


def test_each_language_is_a_stage_and_the_gathered_rows_know_their_source(done, stack):
    translated = {code: record(done, stack, f"translate.p2.{code}")[1] for code in ("fr", "de")}
    for code, found in translated.items():
        assert found.metrics["translated"] > 0, code
        assert found.metrics["rows"] == 40
    store, gathered = record(done, stack, "gather.p2")
    lines = (store.output(gathered, "rows") / "rows.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == sum(found.metrics["translated"] for found in translated.values())
    assert {row["language"] for row in rows} == {"fr", "de"}
    assert all(row["id"] == f"{row['english_id']}@{row['language']}" for row in rows)


def test_replay_draws_from_the_english_set_that_was_translated(done, stack):
    _, mixed = record(done, stack, "mix.p2.s1")
    assert set(mixed.details["composition"]) == {"fr", "de"}
    assert set(mixed.details["replay"]) == {"en"}
    assert 0 < mixed.metrics["replay_samples"] <= mixed.metrics["replay_needed"]


def test_the_report_tells_what_was_translated_and_what_stands_in_the_benchmarks(done, client):
    page = client.response("GET", f"/v1/experiments/{done.id}/report").text
    assert "<h2>Translated rows</h2>" in page
    assert "<h2>Benchmarks in the training data</h2>" in page
