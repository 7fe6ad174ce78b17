"""Analyses through the service: an experiment that asks for all of them, and a comparison before any training."""

from __future__ import annotations

import pytest

from cftray.client import Client
from cftray.spec import experiment_from_document
from cftray.store import Store

PATIENCE_S = 840.0

pytestmark = pytest.mark.timeout(900)

PHASE = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 16, "max_length": 128, "warmup_steps": 2}
ANALYSES = [
    {"kind": "des", "samples": 30},
    "mpd",
    {"kind": "representations", "prompts": {"kind": "mini", "count": 12}},
    {"kind": "crosslingual", "sentences": {"kind": "mini", "count": 10}},
]


@pytest.fixture(scope="module")
def client(stack):
    whole = Client(stack.state.url("api"))
    yield whole
    whole.close()


@pytest.fixture(scope="module")
def done(client):
    run = client.submit(
        experiment_from_document(
            {
                "name": "looked-into",
                "project": "tests",
                "base": "mini:base",
                "phase1": {"train": {"data": {"mini": "instruct-mini", "samples": 48}, "hyperparameters": PHASE}},
                "phase2": {"data": {"mini": "multialpaca-mini", "samples": 48}, "hyperparameters": PHASE},
                "evaluation": {"limit": 2, "contamination": False},
                "analysis": ANALYSES,
                "seeds": [1],
            }
        )
    )
    run.wait(timeout=PATIENCE_S)
    return run


def test_every_analysis_is_recorded_beside_the_scores(done, stack):
    stages = {one["name"]: one for one in done.refresh().view["plan"]["stages"]}
    assert done.view["state"] == "succeeded"
    store = Store(stack.store)
    made = {name: store.record(stages[name]["fingerprint"]) for name in ("des", "mpd.s1", "representations.s1")}
    assert -1 <= made["des"].metrics["des/low"] <= made["des"].metrics["des"] <= made["des"].metrics["des/high"] <= 1
    assert made["mpd.s1"].metrics["mpd"] > 0
    assert made["representations.s1"].metrics["covariance_difference"] > 0
    assert stages["crosslingual"]["state"] == "recorded"


def test_the_report_shows_them_with_their_figures(done, tmp_path):
    page = done.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "How alike the phases are" in page
    assert "by kind of module" in page
    assert page.count("data:image/png;base64,") >= 3


def test_sets_are_compared_before_anything_is_trained(client):
    sets = {"one": {"mini": "alpaca-mini", "samples": 40}, "other": {"mini": "multialpaca-mini", "samples": 40}}
    compared = client.similarity(sets, samples=20, encoder="mini:encoder")
    compared.wait(timeout=PATIENCE_S)
    pair = compared.result["pairs"][0]
    assert {pair["first"], pair["second"]} == {"one", "other"}
    assert -1 <= pair["des"] <= 1
