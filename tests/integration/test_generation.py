"""The generation stage over Ray Data: alike under one actor and two, exact after an actor was killed."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from cftray.data.adapters import read_rows, write_rows
from cftray.errors import InfraError
from cftray.generation.entry import answerer
from cftray.generation.stage import run
from cftray.mini import datasets
from cftray.plan.stages import GenerateConfig
from cftray.runner.ray_workers import RayWorkers
from cftray.spec.execution import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import StageContext
from cftray.store import locate_model

pytestmark = pytest.mark.timeout(600)

BATCHES = 5
DEADLY = 3
"""The batch at which an actor is killed."""


class Seen(RayWorkers):
    """Notes which batches it was given."""

    def map(self, make, request, items, **settings):
        self.batches = [item["number"] for item in items]
        super().map(make, request, items, **settings)


class Deadly(RayWorkers):
    """An actor is killed when its turn comes to one of the batches."""

    def map(self, make, request, items, **settings):
        super().map(dying, request, items, **settings)


def dying(request):
    """In an actor: answers, until it dies of SIGKILL."""
    handle = answerer(request)

    def one(item):
        if item["number"] == DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        handle(item)

    return one


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prompts")
    write_rows(folder / "rows.jsonl", datasets.english_counterparts("multialpaca-mini", samples=BATCHES * 4, seed=3))
    (folder / "meta.json").write_text(json.dumps({"needed": 12}))
    return folder


@pytest.fixture(scope="module")
def generate(ray_head, prompts, tmp_path_factory):
    """One attempt, sampling, over `kind` of workers: (the workers, its folder, what runs it)."""
    base = locate_model(MINI_BASE)
    config = GenerateConfig.model_validate(
        {
            "template": "chat",
            "decoding": {"temperature": 0.7, "top_p": 0.9, "batch_size": 4},
            "max_new_tokens": 40,
            "precision": "fp32",
            "seed": 5,
        }
    )

    def attempt(kind, *, actors, **changes):
        folder = tmp_path_factory.mktemp("attempt")
        workers = kind(folder.with_name(f"{folder.name}-scratch"), address=ray_head.address)
        context = StageContext(
            folder=folder, execution=ExecutionSpec(workers=actors), workers=workers,
            stop=folder.with_name(f"{folder.name}-stop"), **changes,
        )  # fmt: skip
        inputs = {"prompts": prompts, "model": base, "tokenizer": base}
        return workers, folder, lambda: run(config, inputs, context)

    return attempt


@pytest.fixture(scope="module")
def alone(generate):
    """What one actor made of all prompts in one go: the attempt's folder."""
    _, folder, go = generate(RayWorkers, actors=1)
    artifact = go()
    assert artifact.metrics["tokens"] > 0
    assert artifact.metrics["answered"] == BATCHES * 4
    assert {row.language for row in read_rows(artifact.outputs["rows"])} == {"en"}
    return folder


def written(folder: Path):
    """Every file that holds answers, by name."""
    files = [folder / "rows.jsonl", folder / "set_aside.jsonl", *sorted((folder / "batches").glob("*.json"))]
    return {path.name: path.read_bytes() for path in files}


def test_two_actors_answer_as_one_does(generate, alone):
    reports = []
    _, folder, go = generate(RayWorkers, actors=2, report=reports.append)
    go()
    assert written(folder) == written(alone)
    assert len(written(folder)) == BATCHES + 2
    assert reports[-1].step == reports[-1].total == BATCHES * 4
    assert reports[-1].figures["tokens_per_s"] > 0


def test_what_a_killed_attempt_had_finished_is_kept_and_the_answers_are_the_same(generate, alone):
    _, killed, go = generate(Deadly, actors=1)
    with pytest.raises(InfraError, match="died"):
        go()
    finished = {int(path.stem) for path in (killed / "batches").glob("*.json")}
    assert finished
    assert DEADLY not in finished
    notes = []
    workers, folder, go = generate(Seen, actors=2, earlier=(killed,), note=notes.append)
    go()
    assert set(workers.batches) == set(range(BATCHES)) - finished
    assert notes == [f"{len(finished)} of {BATCHES} batches were answered before"]
    assert written(folder) == written(alone)
