"""The miniature's task pack: scored in processes of their own and over Ray, alike whatever the actors and kills."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cftray.data.scores import ItemScores
from cftray.errors import Cancelled, InfraError
from cftray.evaluation import requests_stage, stage
from cftray.evaluation.answering import answerer
from cftray.evaluation.packs import find_pack
from cftray.plan.stages import EvaluateConfig, RequestsConfig
from cftray.runner.ray_workers import RayWorkers
from cftray.spec import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import StageContext
from cftray.store import locate_model
from cftray.training.local_workers import LocalWorkers

pytestmark = pytest.mark.timeout(600)

LIMIT = 3
DEADLY = ("xquad_mini_de", 0)
"""The batch at which an actor is killed."""


class Deadly(RayWorkers):
    """An actor is killed when its turn comes to one of the batches."""

    def map(self, make, request, items, **settings):
        super().map(dying, request, items, **settings)


def dying(request):
    """In an actor: answers, until it dies of SIGKILL."""
    handle = answerer(request)

    def one(item):
        if (item["task"], item["number"]) == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        handle(item)

    return one


def settings(**more):
    return {
        "suites": ["ta", "la"], "pack": "mini", "pack_digest": find_pack("mini").digest, "limit": LIMIT,
        "template": "chat", **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return locate_model(MINI_BASE)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def attempt(tmp_path_factory):
    """The context of a new attempt over some workers."""

    def make(workers, **changes):
        folder = tmp_path_factory.mktemp("attempt")
        execution = ExecutionSpec(workers=changes.pop("actors", 1))
        stop = folder.with_name(f"{folder.name}-stop")
        return StageContext(
            folder=folder, workers=workers, execution=execution, digests={"model": "base"}, **({"stop": stop} | changes)
        )

    return make


@pytest.fixture(scope="module")
def requests(attempt, base, home):
    """What the pack asks, made in a process of its own."""
    config = RequestsConfig.model_validate(settings(batch_size=2))
    workers = LocalWorkers(environment={"HOME": str(home)})
    return requests_stage.run(config, {"tokenizer": base}, attempt(workers)).outputs["requests"]


@pytest.fixture(scope="module")
def evaluate(base, requests):
    def go(context):
        inputs = {"model": base, "tokenizer": base, "requests": requests}
        return stage.run(EvaluateConfig.model_validate(settings(precision="fp32")), inputs, context)

    return go


@pytest.fixture(scope="module")
def alone(evaluate, attempt, home):
    """Scored by one process, without Ray."""
    told = []
    artifact = evaluate(attempt(LocalWorkers(environment={"HOME": str(home)}), report=told.append))
    assert told[-1].step == told[-1].total > 0
    return artifact


def over_ray(kind, ray_head, tmp_path):
    return kind(tmp_path / "scratch", address=ray_head.address)


def results(artifact):
    return artifact.outputs["scores"].read_bytes(), pq.read_table(artifact.outputs["items"])


def test_every_task_of_the_miniature_is_scored(alone, home):
    tasks = find_pack("mini").tasks
    rows = pq.read_table(alone.outputs["items"]).to_pylist()
    assert len(rows) == LIMIT * len(tasks)
    assert {one["task"] for one in alone.details["tasks"]} == {task.task for task in tasks}
    for key in ("ta/ifeval", "ta/alpaca_eval", "ta/mmlu", "ta/hellaswag", "ta", "la/mlqa/de", "la/xlsum", "la"):
        assert 0 <= alone.metrics[key] <= 1
    assert alone.metrics["la/n"] == LIMIT * 15
    assert len(ItemScores.read(alone.outputs["scores"]).tasks) == len(tasks)
    assert not list(home.iterdir())


@pytest.mark.parametrize("actors", [1, 2])
def test_actors_of_ray_score_as_one_process_does(evaluate, attempt, alone, ray_head, tmp_path, actors):
    found = evaluate(attempt(over_ray(RayWorkers, ray_head, tmp_path), actors=actors))
    assert found.details["actors"] == actors
    assert results(found) == results(alone)


def test_what_a_killed_attempt_had_answered_is_kept(evaluate, attempt, alone, ray_head, tmp_path):
    killed = attempt(over_ray(Deadly, ray_head, tmp_path))
    with pytest.raises(InfraError, match="died"):
        evaluate(killed)
    finished = len(list((killed.folder / "answers").glob("*.json")))
    assert finished
    notes = []
    workers = over_ray(RayWorkers, ray_head, tmp_path)
    found = evaluate(attempt(workers, actors=2, earlier=(killed.folder,), note=notes.append))
    assert notes[0].startswith(f"{finished} of ")
    assert results(found) == results(alone)


def test_a_task_that_was_scored_before_is_not_scored_again(evaluate, attempt, alone, tmp_path):
    kept = tmp_path / "parts"
    evaluate(attempt(LocalWorkers(), parts=kept))
    notes = []
    found = evaluate(attempt(LocalWorkers(), parts=kept, note=notes.append))
    assert notes == ["19 of 19 tasks evaluated before"]
    assert found.details["actors"] == 0
    assert results(found) == results(alone)


def test_a_stop_ends_a_running_evaluation(evaluate, attempt, tmp_path: Path):
    stop = tmp_path / "stop"
    context = attempt(LocalWorkers(), stop=stop, report=lambda progress: stop.touch())
    with pytest.raises(Cancelled):
        evaluate(context)
    assert not (context.folder / "items.parquet").exists()
