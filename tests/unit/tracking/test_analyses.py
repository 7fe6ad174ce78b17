"""What MLflow shows of analyses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cftray.errors import FailureClass
from cftray.store import Failure, Holder, Record
from cftray.tracking import ExperimentState, MemoryTracker, MlflowDown, RunStatus, TrackingWriter

from .test_writer import experiment_run, picture, stage_run

LANGUAGES = [{"first": "en", "second": "de", "des": 0.7, "low": 0.6, "high": 0.8}]
MADE: dict[str, dict[str, Any]] = {
    "des": {
        "metrics": {"des": 0.6, "des/low": 0.5, "des/high": 0.7, "truncated/d1": 0.1},
        "details": {"pairs": [{"languages": LANGUAGES}]},
    },
    "mpd": {
        "metrics": {"mpd": 0.01, "tensors": 40.0, "seconds": 2.0},
        "details": {"modules": {"q": {"mpd": 0.02}}, "layers": [{"layer": 0, "mpd": 0.3}, {"layer": 1, "mpd": 0.4}]},
    },
    "representations": {"metrics": {"covariance_difference": 1.5, "drift_mean": 0.2, "prompts": 80.0}},
}  # fmt: skip
RESULT = {"labels": ["P1", "P2"], "by_layer": [
    {"layer": layer, "variance": [1.0, 2.0], "difference": {
        "norm": 0.1 + layer, "low": 0.1, "high": 0.2, "relative": None, "spectral": 0.1, "drift": 0.0}}
    for layer in (0, 1, 2)
]}  # fmt: skip
ASKED = ["des", "mpd", "representations"]


def record(world, spec, *names: str, **changes: Any) -> None:
    """Records of those analyses, with figures where the stage draws some."""
    for node in world.plan(spec).stages:
        kind = node.kind.value
        if node.name in names:
            fingerprint = str(node.fingerprint)
            folder = world.store.attempt_folder(fingerprint, 1)
            (folder / "figures").mkdir(parents=True)
            (folder / "figures" / "layers.png").write_bytes(b"\x89PNG of " + node.name.encode())
            (folder / "figures" / "layers.svg").write_text("<svg/>")
            (folder / "result.json").write_text(json.dumps(RESULT))
            paths = {"figures": folder / "figures", "result": folder / "result.json"} if kind == ASKED[2] else {}
            written = Record.model_validate(
                {
                    "fingerprint": fingerprint, "kind": kind, "title": node.title, "config": {}, "inputs": {},
                    "outputs": {name: world.store.describe(fingerprint, path) for name, path in paths.items()},
                    "details": {}, "execution": {}, "provenance": {}, "experiment": "exp_a", "attempt": 1,
                    "started_at": "2026-03-01T12:02:00+00:00", "finished_at": "2026-03-01T12:09:00+00:00",
                    "seconds": 420.0, **MADE[kind], **changes,
                }
            )  # fmt: skip
            assert world.store.write_record(written)


def fails(world, spec, name: str) -> None:
    lease = world.store.leases(str(world.plan(spec).stage(name).fingerprint)).acquire(Holder.here("exp_a", 1))
    assert lease is not None
    failure = Failure(failure=FailureClass.DATA, code="data", message="too few rows", retryable=False, stage=name)
    lease.release(failure)


def test_the_experiment_s_run_has_figures_by_the_names_of_the_field(world, tracker, writer):
    spec = world.spec("asked", analysis=ASKED)
    record(world, spec, "des", "mpd.s17", "representations.s17")
    writer.sync(world.view("exp_a", spec))
    run = experiment_run(tracker, "exp_a")
    expected = {
        "similarity/des": 0.6, "similarity/des/low": 0.5, "similarity/des/high": 0.7, "similarity/des/de": 0.7,
        "similarity/mpd": 0.01, "similarity/mpd/q": 0.02, "representations/covariance_difference": 1.5,
    }  # fmt: skip
    assert expected.items() <= run.state.metrics.items()
    assert "DES of the phases' data: 0.600 (95 %: 0.500 to 0.700)" in run.state.tags["mlflow.note.content"]
    for name in ("similarity/mpd_by_layer", "representations/layer_difference"):
        steps = [point.step for point in run.history if point.name == name]
        assert steps == list(range(len(steps)))
        assert len(steps) >= 2
    assert run.artifacts["figures/representations.s17/layers.png"].startswith(b"\x89PNG")
    assert "figures/representations.s17/layers.svg" in run.artifacts


def test_an_analysis_has_a_run_of_its_own(world, tracker, writer):
    spec = world.spec("asked", analysis=ASKED)
    record(world, spec, "des", "mpd.s17", "representations.s17")
    writer.sync(world.view("exp_a", spec))
    mpd = stage_run(tracker, "exp_a", "mpd.s17").state
    assert mpd.status is RunStatus.FINISHED
    assert mpd.metrics.keys() >= {"similarity/mpd", "tensors", "wall_seconds"}
    assert "mpd" not in mpd.metrics
    assert "cftray.phase" not in mpd.tags
    des = stage_run(tracker, "exp_a", "des").state
    assert des.metrics["truncated/d1"] == 0.1
    assert des.params["samples"] == "500"
    shown = stage_run(tracker, "exp_a", "representations.s17")
    assert {"figures/layers.png", "figures/layers.svg"} <= shown.artifacts.keys()
    assert [point.value for point in shown.history if point.name == "representations/variance_p2"] == [2.0] * 3


def test_the_model_that_is_trained_for_mpd_is_not_taken_for_p2(world, tracker, writer):
    spec = world.spec("asked", analysis=["mpd"])
    world.record(spec, "train.d2.s17")
    writer.sync(world.view("exp_a", spec))
    alone = stage_run(tracker, "exp_a", "train.d2.s17").state
    assert alone.name.startswith("train D2 alone s17")
    assert "cftray.phase" not in alone.tags


def test_seeds_have_a_mean_when_all_are_there_and_layers_one_by_one(world, tracker, writer):
    spec = world.spec("seeds", seeds=[1, 2], analysis=["mpd"])
    record(world, spec, "mpd.s1")
    writer.sync(world.view("exp_a", spec))
    metrics = experiment_run(tracker, "exp_a").state.metrics
    assert "similarity/mpd" not in metrics
    assert metrics["similarity/mpd_by_layer/s1"] == 0.4
    record(world, spec, "mpd.s2", metrics={"mpd": 0.03})
    writer.sync(world.view("exp_a", spec))
    run = experiment_run(tracker, "exp_a")
    assert run.state.metrics["similarity/mpd"] == pytest.approx(0.02)
    assert run.state.metrics["similarity/mpd/std"] == pytest.approx(0.02 / 2**0.5)
    steps = [point.step for point in run.history if point.name == "similarity/mpd_by_layer/s1"]
    assert steps == [0, 1]


def test_a_failed_analysis_is_told_and_the_experiment_is_not_failed_by_it(world, tracker, writer):
    spec = world.spec("asked", analysis=["des", "mpd"])
    world.record(spec, *(node.name for node in world.plan(spec).stages if node.name != "train.d2.s17"))
    for name in ("des", "train.d2.s17"):
        fails(world, spec, name)
    live = {"des": world.live(), "train.d2.s17": world.live(1)}
    writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED, live=live))
    run = experiment_run(tracker, "exp_a").state
    assert run.status is RunStatus.FINISHED
    note = run.tags["mlflow.note.content"]
    assert "DES of the phases' data: failed: too few rows" in note
    assert "left out: needs “for MPD: the base on phase 2's data alone”, which failed: too few rows" in note
    for name in live:
        stage = stage_run(tracker, "exp_a", name).state
        assert stage.status is RunStatus.FAILED
        assert stage.tags["cftray.failure"] == "data: too few rows"


def test_all_of_it_is_written_again_on_an_empty_mlflow(world, tracker, writer):
    spec = world.spec("asked", analysis=ASKED)
    world.record(spec)
    for name in ("des", "mpd.s17", "representations.s17"):
        record(world, spec, name)
        writer.sync(world.view("exp_a", spec))
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    writer.sync(done)
    anew = MemoryTracker()
    TrackingWriter(anew, world.store).sync(done)
    assert picture(tracker) == picture(anew)
    before, requests = picture(tracker), tracker.requests
    writer.sync(done)
    assert picture(tracker) == before
    assert tracker.requests - requests <= 2


def test_layers_and_figures_of_which_an_outage_left_some_are_completed(world):
    spec = world.spec("asked", analysis=ASKED)
    record(world, spec, "mpd.s17", "representations.s17")
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    whole = MemoryTracker()
    TrackingWriter(whole, world.store).sync(done)

    class Failing(MemoryTracker):
        """Loses the second half of what it is given, and the tags, now and then."""

        calls = 0

        def log(self, run_id, *, points=(), params=None, tags=None, model_id=None):
            self.calls += 1
            if self.calls % 2:
                super().log(run_id, points=points[: len(points) // 2], params=params)
                raise MlflowDown("in the middle")
            super().log(run_id, points=points, params=params, tags=tags, model_id=model_id)

    failing = Failing()
    writer = TrackingWriter(failing, world.store)
    for _ in range(30):
        try:
            writer.sync(done)
        except MlflowDown:
            continue
        break
    assert picture(failing) == picture(whole)


def test_figures_that_are_gone_from_the_store_hold_nothing_up(world, tracker, writer):
    spec = world.spec("asked", analysis=["representations"])
    record(world, spec, "representations.s17")
    fingerprint = str(world.plan(spec).stage("representations.s17").fingerprint)
    folder = world.store.attempt_folder(fingerprint, 1)
    (folder / "result.json").unlink()
    for one in (folder / "figures").iterdir():
        one.unlink()
    (folder / "figures").rmdir()
    writer.sync(world.view("exp_a", spec))
    assert experiment_run(tracker, "exp_a").state.metrics["representations/drift_mean"] == 0.2
