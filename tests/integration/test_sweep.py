"""A sweep over REST with real parts: Ray Tune over Ray Train, a killed driver, trials stopped and trained whole."""

from __future__ import annotations

import os
import signal
from collections import Counter

import pytest

from cftray.client import Client
from cftray.recipes import sweep_from_document, trials_of
from cftray.store import EventLog, Store
from cftray.store.events import EventKind

PATIENCE_S = 1500.0
SEED = 12
"""Of this module alone: what another test of the session has trained would be found here, not run."""
RATE = "phase2.hyperparameters.learning_rate"
PHASE = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 16, "max_length": 128, "warmup_steps": 2}
SWEEP = {
    "name": "rates",
    "project": "tests",
    "spec": {
        "name": "swept",
        "project": "tests",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "instruct-mini", "samples": 64}, "hyperparameters": PHASE}},
        "phase2": {"data": {"mini": "multialpaca-mini", "samples": 64}, "hyperparameters": PHASE},
        "evaluation": {"suites": ["ta", "la"], "limit": 2, "contamination": False},
        "seeds": [SEED],
    },
    "space": {RATE: [1e-3, 1e-9, 2e-3]},
    "objective": {"maximise": "la", "subject_to": [{"score": "ta", "decline_at_most": 0.9}]},
    "early_stopping": {"grace": 0.5, "reduction_factor": 2},
    "concurrency": 1,
}

pytestmark = pytest.mark.timeout(1600)


@pytest.fixture(scope="module")
def client(stack):
    whole = Client(stack.state.url("api"))
    yield whole
    whole.close()


@pytest.fixture(scope="module")
def swept(client):
    """A sweep whose job was killed once its first trial had been scored at its first rung."""
    sweep = client.sweep(SWEEP)
    killed = False
    for event in sweep.follow():
        if event["kind"] == "job.started":
            process = int(event["data"]["process"])
        if event["kind"] == "trial.scored" and not killed:
            os.kill(process, signal.SIGKILL)
            killed = True
    assert killed
    sweep.wait(timeout=PATIENCE_S)
    return sweep


def events_of(sweep, kind):
    return [event for event in sweep.events() if event["kind"] == kind]


def test_a_killed_sweep_goes_on_and_runs_nothing_twice(swept):
    assert [attempt["outcome"] for attempt in swept.view["attempts"]] == ["crashed", "succeeded"]
    recorded = Counter(event["stage"] for event in events_of(swept, "stage.recorded"))
    assert set(recorded.values()) == {1}
    assert {f"train.p1.s{SEED}", f"t01.train.p2.s{SEED}.r1"} <= set(recorded)


def test_every_trial_is_trained_whole_or_stopped_and_its_scores_are_told(swept):
    states = Counter(trial["state"] for trial in swept.trials)
    assert states["finished"] >= 1
    assert set(states) <= {"finished", "stopped"}
    for trial in swept.trials:
        assert [rung["share"] for rung in trial["rungs"]] == ([0.5, 1.0] if trial["state"] == "finished" else [0.5])
        assert {"ta", "la"} <= set(trial["rungs"][-1]["p2"])
    skipped = {stage["name"] for stage in swept.view["plan"]["stages"] if stage["state"] == "skipped"}
    stopped = [trial["number"] for trial in swept.trials if trial["state"] == "stopped"]
    assert skipped == {f"t{number:02d}.{name}.p2.s{SEED}" for number in stopped for name in ("train", "evaluate")}


def test_a_trial_that_went_on_did_so_from_its_checkpoint(swept, stack):
    """Told in the trial's own file: it may outlive its driver by the seconds in which it records a last stage."""
    store = Store(stack.store)
    for number in (trial["number"] for trial in swept.trials if trial["state"] == "finished"):
        files = [store.job(swept.id, attempt).trial(number) for attempt in (1, 2)]
        told = [event for file in files for event in EventLog(file).after(0) if event.kind is EventKind.STAGE_NOTE]
        notes = [event.data["message"] for event in told if event.stage == f"t{number:02d}.train.p2.s{SEED}"]
        assert any("goes on from step 2" in note for note in notes), (number, notes)


def test_the_best_trial_as_an_experiment_is_all_recorded(swept, client):
    assert swept.best is not None
    spec = trials_of(sweep_from_document(SWEEP))[swept.best["number"] - 1].spec
    plan = client.plan(spec)
    assert {stage["state"] for stage in plan["stages"]} == {"cached"}
    run = client.submit(spec).wait(timeout=300)
    la = next(row for row in run.results().document["rows"] if row["key"] == "la")
    assert la["p2"]["score"] == pytest.approx(swept.best["rungs"][-1]["value"])


def test_trials_hold_no_core_and_their_workers_train(swept, stack):
    """Two workers on two cores: they have room only because a trial's own process takes none."""
    store = Store(stack.store)
    node = next(stage for stage in swept.view["plan"]["stages"] if stage["name"] == f"t01.train.p2.s{SEED}.r1")
    record = store.record(node["fingerprint"])
    assert record.details["execution"]["workers"] == 2


def test_report_and_picture(swept, client):
    page = client.response("GET", f"{swept.path}/report").text
    assert "3 trials: " in page
    assert "<svg" in page
    assert client.response("GET", f"{swept.path}/figures/pareto.png").content.startswith(b"\x89PNG")
