"""One suite over both trackers: the twin in memory, and a real MLflow server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from cftray.plan import Plan, StageKind, build_plan, build_sweep_plan
from cftray.recipes import sweep_from_document, trials_of
from cftray.spec import ExperimentSpec, experiment_from_document
from cftray.store import Record, RungReached, Store, TrialEnd, TrialEnded
from cftray.tracking import (
    ExperimentState,
    ExperimentView,
    LivePoint,
    LiveStage,
    MemoryTracker,
    MlflowDown,
    MlflowRefused,
    MlflowTracker,
    Point,
    RunStatus,
    SweepView,
    Tracker,
    TrackingWriter,
)
from tests.unit.plan.fakes import toy_pack

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = 1_772_000_000_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with one worker on SQLite, ended with the session."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stdout=log, stderr=log)
    uri = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(uri, server, folder / "log")
        yield uri
    finally:
        server.terminate()
        server.wait(30)


def wait_until_healthy(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(f"{uri}/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"MLflow did not start:\n{log.read_text()}")


@pytest.fixture(params=["memory", "mlflow"])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    if request.param == "memory":
        return MemoryTracker()
    return MlflowTracker(request.getfixturevalue("mlflow_uri"))


@pytest.fixture
def project(tracker: Tracker, request: pytest.FixtureRequest) -> str:
    return tracker.ensure_project(f"project of {request.node.originalname} {request.node.callspec.id}")


@pytest.fixture
def run(tracker: Tracker, project: str) -> str:
    return tracker.create_run(project, "a run", started_at=NOW, tags={"cftray.kind": "train"}).run_id


def test_a_project_is_made_once(tracker: Tracker, project: str) -> None:
    other = tracker.ensure_project(f"other than {project}")
    assert other != project
    assert tracker.ensure_project(f"other than {project}") == other


def test_a_run_is_found_by_all_its_tags_the_oldest_first(tracker: Tracker, project: str) -> None:
    tags = {"cftray.fingerprint": f"f-{project}", "cftray.kind": "train"}
    assert tracker.find_run(tags, project) is None
    assert tracker.find_run(tags) is None
    tracker.create_run(project, "younger", started_at=NOW + 1, tags=tags)
    older = tracker.create_run(project, "older", started_at=NOW, tags=tags)
    assert older.status is RunStatus.RUNNING
    found = tracker.find_run(tags, project)
    assert found is not None
    assert (found.run_id, found.name, found.project_id) == (older.run_id, "older", project)
    elsewhere = tracker.find_run(tags)
    assert elsewhere is not None
    assert elsewhere.run_id == older.run_id
    assert tracker.find_run({**tags, "cftray.kind": "evaluate"}, project) is None


def test_points_parameters_and_tags_of_any_number(tracker: Tracker, run: str) -> None:
    points = [Point(name="loss", value=1 / step, step=step, at=NOW + step) for step in range(1, 1202)]
    params = {f"phase2.parameter_{n}": str(n) for n in range(130)}
    tags = {f"cftray.used_by.exp_{n}": "name" for n in range(130)}
    tracker.log(run, points=points, params=params, tags=tags)
    state = tracker.run(run)
    assert state is not None
    assert state.metrics == {"loss": 1 / 1201}
    assert state.params == params
    assert tags.items() <= state.tags.items()
    assert tracker.steps(run, "loss") == frozenset(range(1, 1202))
    assert tracker.steps(run, "grad_norm") == frozenset()


def test_the_highest_step_counts_whenever_it_was_written(tracker: Tracker, run: str) -> None:
    tracker.log(run, points=[Point(name="loss", value=0.1, step=9, at=NOW)])
    tracker.log(run, points=[Point(name="loss", value=0.5, step=3, at=NOW + 5)])
    state = tracker.run(run)
    assert state is not None
    assert state.metrics == {"loss": 0.1}


def test_names_with_parts_stand_beside_each_other(tracker: Tracker, run: str) -> None:
    figures = {"la": 0.4, "la/xquad": 0.3, "la/xquad/de": 0.25, "change/la": -0.1}
    tracker.log(run, points=[Point(name=name, value=value, at=NOW) for name, value in figures.items()])
    state = tracker.run(run)
    assert state is not None
    assert state.metrics == figures


def test_a_tag_changes_and_a_parameter_does_not(tracker: Tracker, run: str) -> None:
    tracker.log(run, tags={"cftray.failure": "no rows"}, params={"epochs": "1"})
    tracker.log(run, tags={"cftray.failure": ""}, params={"epochs": "1"})
    state = tracker.run(run)
    assert state is not None
    assert state.tags["cftray.failure"] == ""
    with pytest.raises(MlflowRefused):
        tracker.log(run, params={"epochs": "2"})


def test_a_run_ends_and_may_be_taken_up_again(tracker: Tracker, run: str) -> None:
    for status in (RunStatus.SCHEDULED, RunStatus.KILLED, RunStatus.RUNNING, RunStatus.FINISHED):
        tracker.set_status(run, status, ended_at=NOW if status.final else None)
        state = tracker.run(run)
        assert state is not None
        assert state.status is status


def test_a_run_that_is_not_there(tracker: Tracker) -> None:
    assert tracker.run("0" * 32) is None
    with pytest.raises(MlflowRefused):
        tracker.log("0" * 32, tags={"a": "b"})


def test_a_model_s_name_has_no_dot(tracker: Tracker, project: str, run: str) -> None:
    with pytest.raises(MlflowRefused):
        tracker.create_model(project, "demo.P2.s17-p2", kind="causal-lm", source_run_id=run, params={}, tags={})


def test_a_model_takes_its_scores_from_the_run_of_its_evaluation(tracker: Tracker, project: str, run: str) -> None:
    tags = {"cftray.experiment": f"exp-{project}", "cftray.model": "p1.s17"}
    assert tracker.find_model(project, tags) is None
    made = tracker.create_model(
        project, "name-p1", kind="causal-lm", source_run_id=run, params={"epochs": "1"}, tags=tags
    )
    scores = [Point(name="ta/ifeval", value=0.5, at=NOW)]
    tracker.log(run, points=scores)
    tracker.log(run, points=scores, model_id=made.model_id)
    tracker.tag_model(made.model_id, {"cftray.digest": "sha256:0"})
    found = tracker.find_model(project, tags)
    assert found is not None
    assert (found.model_id, found.name, found.kind) == (made.model_id, "name-p1", "causal-lm")
    assert found.source_run_id == run
    assert found.metrics == {"ta/ifeval": 0.5}
    assert found.params == {"epochs": "1"}
    assert found.tags.items() >= {**tags, "cftray.digest": "sha256:0"}.items()
    tracker.link_models(run, [made.model_id])
    state = tracker.run(run)
    assert state is not None
    assert state.models == {made.model_id}


def test_an_experiment_written_live_again_and_anew(tracker: Tracker, tmp_path: Path) -> None:
    world = Written(tmp_path, project=f"written-{type(tracker).__name__}")
    writer = TrackingWriter(tracker, world.store)
    writer.sync(world.view(ExperimentState.RUNNING))
    world.record_all()
    done = world.view(ExperimentState.SUCCEEDED)
    for one in (writer, writer, TrackingWriter(tracker, world.store)):
        one.sync(done)
    run = tracker.find_run({"cftray.experiment": "exp_a", "cftray.kind": "experiment"})
    assert run is not None
    assert run.status is RunStatus.FINISHED
    assert run.metrics == {"p1/ta": 0.5, "p2/ta": 0.25, "change/ta": -0.25}
    assert len(run.models) == 2
    train = tracker.run(run.tags["cftray.stage.train.p2.s17"])
    assert train is not None
    assert (train.status, train.tags["cftray.curve"]) == (RunStatus.FINISHED, "whole")
    assert tracker.steps(train.run_id, "loss") == {1, 2, 3}
    for phase, score in (("p1", 0.5), ("p2.s17", 0.25)):
        model = tracker.find_model(run.project_id, {"cftray.experiment": "exp_a", "cftray.model": phase})
        assert model is not None
        assert model.metrics == {"ta": score}


def test_a_project_that_was_deleted_is_restored(mlflow_uri: str) -> None:
    tracker = MlflowTracker(mlflow_uri)
    project = tracker.ensure_project("binned")
    api = f"{mlflow_uri}/api/2.0/mlflow/experiments"
    httpx.post(f"{api}/delete", json={"experiment_id": project}).raise_for_status()
    assert tracker.ensure_project("binned") == project
    found = httpx.get(f"{api}/get", params={"experiment_id": project}).json()
    assert found["experiment"]["lifecycle_stage"] == "active"


def test_a_run_that_was_deleted_is_not_found(mlflow_uri: str) -> None:
    tracker = MlflowTracker(mlflow_uri)
    run = tracker.create_run(tracker.ensure_project("deleting"), "gone", started_at=NOW, tags={"a": "gone"})
    httpx.post(f"{mlflow_uri}/api/2.0/mlflow/runs/delete", json={"run_id": run.run_id}).raise_for_status()
    assert tracker.run(run.run_id) is None
    assert tracker.find_run({"a": "gone"}) is None


def test_texts_are_artifacts(mlflow_uri: str) -> None:
    tracker = MlflowTracker(mlflow_uri)
    run = tracker.create_run(tracker.ensure_project("texts"), "texts", started_at=NOW, tags={}).run_id
    for text in ("seeds: [1]\n", "seeds: [2]\n"):
        tracker.write_text(run, "spec.yaml", text)
    stored = httpx.get(f"{mlflow_uri}/get-artifact", params={"run_uuid": run, "path": "spec.yaml"})
    assert stored.text == "seeds: [2]\n"


def test_folders_are_artifacts(mlflow_uri: str, tmp_path: Path) -> None:
    tracker = MlflowTracker(mlflow_uri)
    run = tracker.create_run(tracker.ensure_project("folders"), "folders", started_at=NOW, tags={}).run_id
    (tmp_path / "layers.png").write_bytes(b"\x89PNG")
    (tmp_path / "layers.svg").write_text("<svg/>")
    for _ in range(2):
        tracker.write_folder(run, "figures/representations.s17", tmp_path)
    for name, content in (("layers.png", b"\x89PNG"), ("layers.svg", b"<svg/>")):
        where = {"run_uuid": run, "path": f"figures/representations.s17/{name}"}
        assert httpx.get(f"{mlflow_uri}/get-artifact", params=where).content == content


def test_an_analysis_with_layers_and_figures_is_written_once(tracker: Tracker, tmp_path: Path) -> None:
    world = Written(tmp_path, project=f"analysed-{type(tracker).__name__}", analysis=["mpd", "representations"])
    world.record_all()
    done = world.view(ExperimentState.SUCCEEDED)
    writer = TrackingWriter(tracker, world.store)
    for one in (writer, writer, TrackingWriter(tracker, world.store)):
        one.sync(done)
    run = tracker.find_run({"cftray.experiment": "exp_a", "cftray.name": "demo.written", "cftray.kind": "experiment"},
                           tracker.ensure_project(world.spec.project))  # fmt: skip
    assert run is not None
    assert run.metrics.items() >= {"similarity/mpd": 0.5, "representations/drift_mean": 0.25}.items()
    assert tracker.steps(run.run_id, "similarity/mpd_by_layer") == {0, 1}
    stage = tracker.run(run.tags["cftray.stage.representations.s17"])
    assert stage is not None
    assert stage.status is RunStatus.FINISHED
    assert tracker.steps(stage.run_id, "representations/layer_drift") == {0, 1}


def test_a_sweep_is_a_run_with_its_trials_below_it(tracker: Tracker, tmp_path: Path) -> None:
    rate = "phase2.hyperparameters.learning_rate"
    project = f"swept-{type(tracker).__name__}"
    sweep = sweep_from_document(
        {
            "name": "rates",
            "project": project,
            "spec": {"recipe": "mini", "pair": "dissimilar"},
            "space": {rate: [1e-4, 2e-4, 3e-4, 4e-4, 5e-4]},
            "early_stopping": {"grace": 0.5},
        }
    )
    trials = [(trial.values, trial.spec) for trial in trials_of(sweep)]
    plan = build_sweep_plan(trials, sweep.rungs, lambda leaf: leaf.location, toy_pack)
    store = Store(tmp_path)
    known = store.sweep("swp_a", plan)

    def view(state: ExperimentState) -> SweepView:
        over = state is ExperimentState.SUCCEEDED
        ended = START + timedelta(hours=1) if over else None
        busy = frozenset() if over else frozenset({"t04.train.p2.s17.r1"})
        return SweepView(
            sweep="swp_a", spec=sweep, plan=plan, state=state, created_at=START, finished_at=ended, busy=busy
        )

    def reach(trial: int, rung: int, ta: float, la: float) -> None:
        scores = {"p1": {"ta": 0.5, "la": 0.1}, "p2": {"ta": ta, "la": la}, "value": la, "violation": 0.0}
        at = (START + timedelta(minutes=10 * trial + rung)).isoformat()
        known.reach(RungReached.model_validate({"trial": trial, "rung": rung, "share": 0.5 * rung, "at": at} | scores))

    trained = plan.stage("t01.train.p2.s17")
    folder = store.attempt_folder(str(trained.fingerprint), 1)
    folder.mkdir(parents=True)
    lines = [{"step": n, "loss": 1 / n, "tokens": 10, "seconds": 0.5} for n in (1, 2, 3)]
    (folder / "curve").write_text("".join(json.dumps(line) + "\n" for line in lines))
    curve = store.describe(str(trained.fingerprint), folder / "curve")
    store.write_record(
        Record(
            fingerprint=str(trained.fingerprint), kind="train", title="", config={}, inputs={}, metrics={}, details={},
            outputs={"curve": curve}, execution={}, provenance={}, experiment="swp_a", attempt=1,
            started_at=START.isoformat(), finished_at=START.isoformat(), seconds=1.0,
        )
    )  # fmt: skip
    writer = TrackingWriter(tracker, store)
    for trial, la in ((1, 0.4), (3, 0.5)):  # what the second one is better at costs it more TA
        reach(trial, 1, 0.45 - 0.1 * trial, la / 2)
        writer.sync_sweep(view(ExperimentState.RUNNING))
        reach(trial, 2, 0.4 - 0.1 * trial, la)
        known.end(TrialEnded(trial=trial, end=TrialEnd.FINISHED, rung=2))
        writer.sync_sweep(view(ExperimentState.RUNNING))
    reach(2, 1, 0.4, 0.15)
    known.end(TrialEnded(trial=2, end=TrialEnd.STOPPED, rung=1))
    for one in (writer, writer, TrackingWriter(tracker, store)):
        one.sync_sweep(view(ExperimentState.SUCCEEDED))
    whole = tracker.find_run({"cftray.sweep": "swp_a", "cftray.kind": "sweep"}, tracker.ensure_project(project))
    assert whole is not None
    assert (whole.status, whole.tags["cftray.best_trial"]) == (RunStatus.FINISHED, "3")
    figures = {"p2/la": 0.5, "p2/ta": 0.1, "change/la": 0.4, "change/ta": -0.4}
    assert {name: whole.metrics[name] for name in figures} == pytest.approx(figures), "the best trial's"
    first, second = (
        tracker.find_run({"cftray.sweep": "swp_a", "cftray.kind": "trial", "cftray.trial": number}, whole.project_id)
        for number in ("1", "2")
    )
    assert first is not None
    assert second is not None
    assert first.tags["mlflow.parentRunId"] == second.tags["mlflow.parentRunId"] == whole.run_id
    assert (first.params[rate], second.tags["cftray.trial.state"]) == ("0.0001", "stopped")
    assert (first.status, second.status) == (RunStatus.FINISHED, RunStatus.FINISHED)
    assert first.metrics["change/la"] == pytest.approx(0.3)
    assert first.metrics["p2/ta"] == pytest.approx(0.3), "at its last rung, though it was higher before"
    assert tracker.steps(first.run_id, "rung/p2/la") == {50, 100}
    assert tracker.steps(first.run_id, "loss") == {1, 2, 3}
    assert not tracker.steps(second.run_id, "loss"), "its training has no record"
    fourth, last = (
        tracker.find_run({"cftray.sweep": "swp_a", "cftray.kind": "trial", "cftray.trial": number}, whole.project_id)
        for number in ("4", "5")
    )
    assert fourth is not None, "it trained towards its first rung"
    assert fourth.status is RunStatus.KILLED, "where the sweep's end left it"
    assert last is None, "it never began"


def test_a_dead_mlflow_is_noticed_in_seconds() -> None:
    tracker = MlflowTracker(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(MlflowDown):
        tracker.ensure_project("first call, which imports MLflow")
    begun = time.monotonic()
    with pytest.raises(MlflowDown) as caught:
        tracker.ensure_project("any")
    assert time.monotonic() - begun < 5
    assert caught.value.retryable


class Written:
    """An experiment with an adopted P1: one training, two evaluations."""

    def __init__(self, root: Path, project: str, analysis: Sequence[str] = ()) -> None:
        self.store = Store(root / "store")
        hyperparameters = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 8, "max_length": 64}
        self.spec: ExperimentSpec = experiment_from_document(
            {
                "name": "demo.written",
                "project": project,
                "base": "mini:base",
                "phase1": {"adopt": "mini:base"},
                "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": hyperparameters},
                "evaluation": {"suites": ["ta"]},
                "analysis": list(analysis),
            }
        )
        self.plan: Plan = build_plan(self.spec, lambda leaf: f"{leaf.location} in {project}", toy_pack)

    def view(self, state: ExperimentState) -> ExperimentView:
        points = tuple(LivePoint(step=step, at=START, figures={"loss": 1 / step}) for step in (1, 2))
        return ExperimentView(
            experiment="exp_a",
            spec=self.spec,
            plan=self.plan,
            state=state,
            created_at=START,
            finished_at=START + timedelta(hours=1) if state is ExperimentState.SUCCEEDED else None,
            live={"train.p2.s17": LiveStage(started_at=START, points=points)},
            links={"report": "http://127.0.0.1:8000/v1/experiments/exp_a/report"},
        )

    def record_all(self) -> None:
        for node in self.plan.stages:
            fingerprint = str(node.fingerprint)
            folder = self.store.attempt_folder(fingerprint, 1)
            folder.mkdir(parents=True, exist_ok=True)  # P1 is the base: alone on phase 2's data it is P2
            outputs = {}
            if node.kind is StageKind.TRAIN:
                curve = [{"step": n, "loss": 1 / n, "tokens": 10, "seconds": 0.5} for n in (1, 2, 3)]
                for name in ("model", "curve"):
                    (folder / name).write_text("".join(json.dumps(line) + "\n" for line in curve))
                    outputs[name] = self.store.describe(fingerprint, folder / name)
            details: dict[str, object] = {}
            if node.kind is StageKind.MPD:
                details = {"layers": [{"layer": layer, "mpd": 0.5} for layer in (0, 1)]}
            if node.kind is StageKind.REPRESENTATIONS:
                layer = {"variance": [1.0, 1.0], "difference": {"norm": 1.0, "drift": 0.25}}
                result = {"labels": ["P1", "P2"], "by_layer": [layer | {"layer": number} for number in (0, 1)]}
                (folder / "result.json").write_text(json.dumps(result))
                (folder / "figures").mkdir()
                (folder / "figures" / "layers.png").write_bytes(b"\x89PNG")
                places = (("result", "result.json"), ("figures", "figures"))
                outputs = {name: self.store.describe(fingerprint, folder / place) for name, place in places}
            metrics = {StageKind.MPD: {"mpd": 0.5}, StageKind.REPRESENTATIONS: {"drift_mean": 0.25}}
            score = {"ta": 0.25 if ".p2" in node.name else 0.5}
            self.store.write_record(
                Record(
                    fingerprint=fingerprint,
                    kind=node.kind.value,
                    title=node.title,
                    config={},
                    inputs={},
                    outputs=outputs,
                    metrics=score if node.kind is StageKind.EVALUATE else metrics.get(node.kind, {}),
                    details=details,
                    execution={},
                    provenance={},
                    experiment="exp_a",
                    attempt=1,
                    started_at=START.isoformat(),
                    finished_at=START.isoformat(),
                    seconds=1.0,
                )
            )
