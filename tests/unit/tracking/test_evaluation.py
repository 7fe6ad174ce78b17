"""An evaluation of a single model is one run with its scores."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from cftray.data.scores import ItemScores, TaskScores
from cftray.errors import FailureClass
from cftray.plan import Plan, build_evaluation_plan
from cftray.spec import evaluation_from_document
from cftray.store import Failure, Record, Store
from cftray.tracking import EvaluationView, ExperimentState, MemoryTracker, RunStatus, TrackingWriter
from cftray.tracking.memory import StoredRun
from tests.unit.plan.fakes import toy_pack
from tests.unit.tracking.conftest import START

SPEC = evaluation_from_document({"name": "tiny", "project": "models", "labels": ["x"], "model": "mini:base"})


@pytest.fixture
def plan() -> Plan:
    return build_evaluation_plan(SPEC, lambda leaf: leaf.location, toy_pack)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def record(store: Store, plan: Plan) -> None:
    node = plan.stage("evaluate.model")
    assert node.fingerprint is not None
    task = TaskScores(
        task="m", suite="ta", benchmark="mmlu", language="en", metric="acc", items=("1", "2"), scores=(1.0, 0.0)
    )
    path = store.attempt_folder(node.fingerprint, 1) / "scores.json.gz"
    path.parent.mkdir(parents=True)
    ItemScores(tasks=(task,)).write(path)
    at = (START + timedelta(minutes=9)).isoformat()
    store.write_record(
        Record(
            fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={},
            outputs={"scores": store.describe(node.fingerprint, path)}, metrics={}, details={}, execution={},
            provenance={}, experiment="ev_a", attempt=1, started_at=at, finished_at=at, seconds=1.0,
        )
    )  # fmt: skip


def view(plan: Plan, state: ExperimentState, failure: Failure | None = None) -> EvaluationView:
    finished = START + timedelta(hours=1) if state not in (ExperimentState.QUEUED, ExperimentState.RUNNING) else None
    return EvaluationView(
        evaluation="ev_a", spec=SPEC, plan=plan, state=state, created_at=START, finished_at=finished, failure=failure,
        links={"report": "http://service/report"},
    )  # fmt: skip


def only_run(tracker: MemoryTracker) -> StoredRun:
    [run] = tracker.runs.values()
    return run


def test_scores_come_to_the_one_run_that_was_there_from_the_start(store: Store, plan: Plan) -> None:
    tracker = MemoryTracker()
    writer = TrackingWriter(tracker, store)
    writer.sync_evaluation(view(plan, ExperimentState.RUNNING))
    assert (only_run(tracker).state.status, only_run(tracker).state.metrics) == (RunStatus.RUNNING, {})
    record(store, plan)
    writer.sync_evaluation(view(plan, ExperimentState.SUCCEEDED))
    run = only_run(tracker)
    assert run.state.status is RunStatus.FINISHED
    assert run.state.metrics == {"ta/mmlu": 0.5, "ta/mmlu/stderr": 0.5, "ta": 0.5, "ta/stderr": 0.5}
    assert run.state.tags["cftray.model"] == "mini:base"
    assert "| ta/mmlu | 0.500 |" in run.state.tags["mlflow.note.content"]
    assert run.state.params["precision"] == "fp32"


def test_writing_again_and_from_nothing_shows_the_same(store: Store, plan: Plan) -> None:
    record(store, plan)
    tracker, anew = MemoryTracker(), MemoryTracker()
    writer = TrackingWriter(tracker, store)
    for _ in range(2):
        writer.sync_evaluation(view(plan, ExperimentState.SUCCEEDED))
    TrackingWriter(tracker, store).sync_evaluation(view(plan, ExperimentState.SUCCEEDED))
    TrackingWriter(anew, store).sync_evaluation(view(plan, ExperimentState.SUCCEEDED))
    one, other = only_run(tracker), only_run(anew)
    assert (one.state.metrics, one.state.params) == (other.state.metrics, other.state.params)
    assert len(one.history) == len(other.history)


def test_a_failure_is_shown_with_its_stage(store: Store, plan: Plan) -> None:
    tracker = MemoryTracker()
    failure = Failure(failure=FailureClass.DATA, code="x", message="no rows", retryable=False, stage="evaluate.model")
    TrackingWriter(tracker, store).sync_evaluation(view(plan, ExperimentState.FAILED, failure))
    tags = only_run(tracker).state.tags
    assert (tags["cftray.failure"], tags["cftray.failed_stage"]) == ("data: no rows", "evaluate.model")
