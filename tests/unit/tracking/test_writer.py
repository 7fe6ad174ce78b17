"""MLflow shows what the records say, however often and in whatever order it is written."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import yaml

from cftray.errors import FailureClass
from cftray.store import Failure
from cftray.tracking import ExperimentState, MemoryTracker, MlflowDown, RunStatus, TrackingWriter
from cftray.tracking.memory import StoredRun

P1, P2, SCORES1, SCORES2 = "train.p1.s17", "train.p2.s17", "evaluate.p1.s17", "evaluate.p2.s17"


def experiment_run(tracker: MemoryTracker, experiment: str) -> StoredRun:
    found = tracker.find_run({"cftray.experiment": experiment, "cftray.kind": "experiment"})
    assert found is not None
    return tracker.runs[found.run_id]


def stage_run(tracker: MemoryTracker, experiment: str, stage: str) -> StoredRun:
    return tracker.runs[experiment_run(tracker, experiment).state.tags[f"cftray.stage.{stage}"]]


def picture(tracker: MemoryTracker) -> list[object]:
    """All that is shown, without ids and times of creation."""
    names = {run_id: run.state.name for run_id, run in tracker.runs.items()}
    runs = [
        (
            run.state.name,
            run.state.status,
            {key: names.get(value, value) for key, value in run.state.tags.items() if "note" not in key},
            run.state.params,
            run.artifacts,
            run.ended_at,
            Counter((point.name, point.step, point.value) for point in run.history),
            sorted(tracker.models[one].name for one in run.state.models),
        )
        for run in tracker.runs.values()
    ]
    models = [
        (one.name, names[one.source_run_id], one.tags, one.params, one.metrics)
        for one in tracker.models.values()
    ]
    return [sorted(runs, key=str), sorted(models, key=str)]


def without(tags: dict[str, str], *names: str) -> dict[str, str]:
    return {key: value for key, value in tags.items() if key not in names}


def test_scores_of_both_phases_and_their_difference(world, tracker, writer):
    spec = world.spec("plain")
    world.record(spec)
    writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED))
    run = experiment_run(tracker, "exp_a")
    assert run.state.metrics["p1/ta/ifeval"] == 0.5
    assert run.state.metrics["p2/ta/ifeval"] == 0.4
    assert run.state.metrics["change/ta/ifeval"] == pytest.approx(-0.1)
    assert run.state.metrics["change/la"] == pytest.approx(0.1)
    assert "change/ta/ifeval/stderr" not in run.state.metrics
    assert run.state.status is RunStatus.FINISHED
    assert run.state.params["phase2.hyperparameters.learning_rate"] == "0.001"


def test_spec_plan_and_environment_are_artifacts(world, tracker, writer):
    spec = world.spec("plain")
    world.record(spec, P1)
    writer.sync(world.view("exp_a", spec))
    texts = experiment_run(tracker, "exp_a").artifacts
    assert yaml.safe_load(texts["spec.yaml"]) == spec.model_dump(mode="json")
    assert json.loads(texts["plan.json"])["outcomes"][0]["p2_train"] == P2
    environment = json.loads(texts["environment.json"])
    assert environment["service"] == {"cftray": "0.1.0"}
    assert environment["stages"][P1]["provenance"] == {"python": "3.11"}


def test_several_seeds_give_mean_and_standard_deviation(world, tracker, writer):
    spec = world.spec("seeds", seeds=[1, 2])
    world.record(spec, "train.p1.s1", "train.p2.s1", "evaluate.p1.s1", "evaluate.p2.s1")
    world.record(spec, "train.p1.s2", "train.p2.s2", "evaluate.p1.s2", "evaluate.p2.s2", shift=0.2)
    writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED))
    metrics = experiment_run(tracker, "exp_a").state.metrics
    assert metrics["p1/ta"] == pytest.approx(0.6)
    assert metrics["p1/ta/std"] == pytest.approx(0.2 / 2**0.5)
    assert metrics["change/ta"] == pytest.approx(-0.1)
    assert metrics["change/ta/std"] == pytest.approx(0.0, abs=1e-12)
    assert sorted(one.name for one in tracker.models.values()) == [
        "seeds-p1-s1",
        "seeds-p1-s2",
        "seeds-p2-s1",
        "seeds-p2-s2",
    ]


def test_a_mean_waits_for_all_seeds_while_they_may_still_come(world, tracker, writer):
    spec = world.spec("seeds", seeds=[1, 2])
    world.record(spec, "train.p1.s1", "evaluate.p1.s1")
    writer.sync(world.view("exp_a", spec))
    assert not experiment_run(tracker, "exp_a").state.metrics
    writer.sync(world.view("exp_a", spec, ExperimentState.CANCELLED))
    assert experiment_run(tracker, "exp_a").state.metrics["p1/ta"] == 0.5


def test_a_shared_phase_1_is_one_run_that_its_users_link(world, tracker, writer):
    first = world.spec("first")
    second = world.spec("second", project="elsewhere", labels=["other"], template="chat")
    world.record(first)
    writer.sync(world.view("exp_a", first, ExperimentState.SUCCEEDED))
    writer.sync(world.view("exp_b", second, ExperimentState.SUCCEEDED))
    shared = stage_run(tracker, "exp_a", P1)
    assert shared is stage_run(tracker, "exp_b", P1)
    assert shared.state.tags["cftray.used_by.exp_a"] == "first"
    assert shared.state.tags["cftray.used_by.exp_b"] == "second"
    fingerprints = Counter(run.state.tags.get("cftray.fingerprint") for run in tracker.runs.values())
    assert all(times == 1 for one, times in fingerprints.items() if one)
    assert len(tracker.models) == 4


def test_models_carry_equal_metric_names_and_where_the_weights_are(world, tracker, writer):
    spec = world.spec("plain")
    world.record(spec)
    writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED))
    models = {one.name: one for one in tracker.models.values()}
    assert models["plain-p1"].metrics.keys() == models["plain-p2"].metrics.keys()
    assert models["plain-p2"].metrics["la/xquad/de"] == pytest.approx(0.3)
    assert models["plain-p2"].source_run_id == stage_run(tracker, "exp_a", P2).state.run_id
    record = world.store.record(str(world.plan(spec).stage(P2).fingerprint))
    assert record is not None
    tags = models["plain-p2"].tags
    assert tags["cftray.fingerprint"] == record.fingerprint
    assert tags["cftray.digest"] == f"sha256:{record.outputs['model'].sha256}"
    assert tags["cftray.uri"] == world.store.output(record, "model").as_uri()
    assert experiment_run(tracker, "exp_a").state.models == set(tracker.models)


def test_an_adopted_p1_comes_from_its_evaluation(world, tracker, writer):
    spec = world.spec("adopted", phase1={"adopt": "models/instruct"}, seeds=[1, 2])
    world.record(spec, "evaluate.p1")
    writer.sync(world.view("exp_a", spec))
    (model,) = tracker.models.values()
    assert model.name == "adopted-p1"
    assert model.source_run_id == stage_run(tracker, "exp_a", "evaluate.p1").state.run_id
    assert model.tags["cftray.uri"] == "models/instruct"
    assert model.metrics["ta"] == 0.5


def test_rebuilt_on_an_empty_mlflow_as_it_was_written_step_by_step(world, tracker, writer):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, ExperimentState.QUEUED))
    for stage in (P1, SCORES1, P2, SCORES2):
        live = {stage: world.live(1, 3)} if stage in (P1, P2) else {}
        writer.sync(world.view("exp_a", spec, live=live))
        world.record(spec, stage)
        writer.sync(world.view("exp_a", spec, live=live))
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    writer.sync(done)
    anew = MemoryTracker()
    TrackingWriter(anew, world.store).sync(done)
    for run in tracker.runs.values():  # held_by tells of live stages, and live speed is another figure
        run.state.tags.pop("cftray.held_by", None)  # type: ignore[attr-defined]
        run.history = [point for point in run.history if point.name != "tokens_per_s"]
    for run in anew.runs.values():
        run.history = [point for point in run.history if point.name != "tokens_per_s"]
    assert picture(tracker) == picture(anew)


def test_a_lost_mlflow_is_written_again_by_the_same_writer(world, tracker, writer):
    spec = world.spec("plain")
    world.record(spec)
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    writer.sync(done)
    before = picture(tracker)
    for everything in (tracker.projects, tracker.runs, tracker.models):
        everything.clear()
    writer.sync(done)
    assert picture(tracker) == before


def test_writing_again_changes_nothing_and_asks_little(world, tracker, writer):
    spec = world.spec("plain")
    world.record(spec)
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    writer.sync(done)
    before, requests = picture(tracker), tracker.requests
    writer.sync(done)
    assert tracker.requests - requests <= 2
    TrackingWriter(tracker, world.store).sync(done)
    assert picture(tracker) == before


@pytest.mark.parametrize("restarted", [False, True])
def test_a_live_curve_and_then_the_whole_one_has_each_step_once(world, tracker, writer, restarted):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, live={P1: world.live(1, 2)}))
    writer.sync(world.view("exp_a", spec, live={P1: world.live(2, 4)}))
    assert [point.step for point in stage_run(tracker, "exp_a", P1).history if point.name == "loss"] == [
        1,
        2,
        4,
    ]
    world.record(spec, P1)
    if restarted:
        writer = TrackingWriter(tracker, world.store)
    writer.sync(world.view("exp_a", spec, live={P1: world.live(4)}))
    run = stage_run(tracker, "exp_a", P1)
    for name in ("loss", "learning_rate", "grad_norm", "tokens_per_s"):
        assert sorted(point.step for point in run.history if point.name == name) == [1, 2, 3, 4, 5]
    assert run.state.tags["cftray.curve"] == "whole"
    assert run.state.metrics["mean_tokens_per_s"] == 1000.0


def test_a_figure_that_is_not_finite_is_told_in_words(world, tracker, writer):
    spec = world.spec("plain")
    world.curve = lambda: (
        '{"step": 1, "loss": 2.0}\n{"step": 2, "loss": NaN}\n{"step": 3, "loss": Infinity}\n'
    )
    world.record(spec, P1)
    writer.sync(world.view("exp_a", spec))
    run = stage_run(tracker, "exp_a", P1)
    assert run.state.metrics["loss"] == 2.0
    assert run.state.tags["cftray.curve"] == "whole, but loss is not finite at 2 steps, first at 2"


@pytest.mark.parametrize(
    ("state", "failed_stage", "expected"),
    [
        (ExperimentState.FAILED, P1, RunStatus.FAILED),
        (ExperimentState.FAILED, "tokens.p2", RunStatus.KILLED),
        (ExperimentState.CANCELLED, None, RunStatus.KILLED),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_runs_end_when_the_experiment_does(world, tracker, writer, state, failed_stage, expected, restarted):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, live={P1: world.live(1)}))
    assert stage_run(tracker, "exp_a", P1).state.status is RunStatus.RUNNING
    if restarted:  # another control plane, which no longer knows what was live
        writer = TrackingWriter(tracker, world.store)
    failure = failure_of(failed_stage) if failed_stage else None
    live = {} if restarted else {P1: world.live(1)}
    writer.sync(world.view("exp_a", spec, state, live=live, failure=failure))
    stage = stage_run(tracker, "exp_a", P1)
    assert stage.state.status is expected
    assert stage.ended_at is not None
    run = experiment_run(tracker, "exp_a")
    assert run.state.status is (RunStatus.FAILED if failure else RunStatus.KILLED)
    assert run.state.tags.get("cftray.failure") == ("data: no rows" if failure else None)


def test_a_failure_that_was_mended_is_no_longer_shown(world, tracker, writer):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, ExperimentState.FAILED, failure=failure_of(P1)))
    world.record(spec)
    writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED))
    run = experiment_run(tracker, "exp_a")
    assert run.state.status is RunStatus.FINISHED
    assert run.state.tags["cftray.failure"] == ""


def test_a_cancelled_user_does_not_end_a_stage_that_another_goes_on_with(world, tracker, writer):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, live={P1: world.live(1)}))
    writer.sync(world.view("exp_b", spec, live={P1: world.live(2)}))
    for _ in range(2):
        writer.sync(world.view("exp_a", spec, ExperimentState.CANCELLED, live={P1: world.live(1)}))
    assert stage_run(tracker, "exp_b", P1).state.status is RunStatus.RUNNING
    world.record(spec, P1, by="exp_b")
    writer.sync(world.view("exp_b", spec))
    assert stage_run(tracker, "exp_a", P1).state.status is RunStatus.FINISHED


def test_a_stage_that_was_cancelled_runs_again_when_another_takes_it_up(world, tracker, writer):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec, ExperimentState.CANCELLED, live={P1: world.live(1)}))
    assert stage_run(tracker, "exp_a", P1).state.status is RunStatus.KILLED
    writer.sync(world.view("exp_b", spec, live={P1: world.live(2)}))
    stage = stage_run(tracker, "exp_b", P1)
    assert stage.state.status is RunStatus.RUNNING
    assert stage.ended_at is None


def test_a_persons_own_description_stays(world, tracker, writer):
    spec = world.spec("plain")
    writer.sync(world.view("exp_a", spec))
    run_id = experiment_run(tracker, "exp_a").state.run_id
    tracker.log(run_id, tags={"mlflow.note.content": "looks odd, ask Ana"})
    world.record(spec)
    for _ in range(2):
        writer.sync(world.view("exp_a", spec, ExperimentState.SUCCEEDED))
    assert tracker.runs[run_id].state.tags["mlflow.note.content"] == "looks odd, ask Ana"


def test_an_outage_in_the_middle_is_made_good_later(world, tracker):
    spec = world.spec("plain")
    world.record(spec)
    done = world.view("exp_a", spec, ExperimentState.SUCCEEDED)
    whole = MemoryTracker()
    TrackingWriter(whole, world.store).sync(done)

    class Failing(MemoryTracker):
        """Answers every third writing call with an outage, before or after having done it."""

        calls = 0

        def log(self, *args, **kwargs):
            self.calls += 1
            if self.calls % 3 == 1:
                raise MlflowDown("before")
            super().log(*args, **kwargs)
            if self.calls % 3 == 2:
                raise MlflowDown("after")

    failing = Failing()
    writer = TrackingWriter(failing, world.store)
    outages = 0
    while True:
        try:
            writer.sync(done)
            break
        except MlflowDown:
            outages += 1
            assert outages < 60
    assert outages > 3
    assert picture(failing) == picture(whole)


def failure_of(stage: str) -> Failure:
    return Failure(
        failure=FailureClass.DATA, code="bad-data", message="no rows", retryable=False, stage=stage
    )
