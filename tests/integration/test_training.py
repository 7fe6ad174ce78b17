"""A phase in groups of processes: alike under every split, exact after a stop and after a kill."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from cftray.data.tokenized import TokenizedWriter
from cftray.errors import Cancelled, DataError, InfraError
from cftray.plan.stages import TrainConfig
from cftray.spec.execution import CheckpointPolicy, ExecutionSpec
from cftray.spec.hyperparameters import Hyperparameters
from cftray.stage import StageContext
from cftray.training.entry import train_phase
from cftray.training.local_workers import LocalWorkers
from cftray.training.stage import run

pytestmark = pytest.mark.timeout(900)

STEPS = 10
STAGES = ((0, "fp32"), (1, "fp32"), (2, "fp32"), (3, "fp32"), (1, "bf16"), (3, "bf16"))


def settings(**changes):
    return Hyperparameters(
        **{
            "learning_rate": 1e-3,
            "epochs": 2,
            "global_batch": 8,
            "max_length": 32,
            "warmup_steps": 2,
            "weight_decay": 0.1,
            **changes,
        }
    )


def config(**changes):
    return TrainConfig.model_construct(phase=1, hyperparameters=settings(**changes), seed=17)


def train_each(request):
    """In every worker: one phase after the other; those with a stop file are stopped, then resumed."""
    for phase in request["phases"]:
        stop = Path(phase["stop"])
        if not stop.exists():
            train_phase(phase)
            continue
        with pytest.raises(Cancelled):
            train_phase(phase)
        resumed = {**phase, "folder": phase["folder"] + "-resumed", "stop": phase["stop"] + "-gone"}
        Path(resumed["folder"]).mkdir(exist_ok=True)
        train_phase({**resumed, "resume_from": [phase["folder"]]})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a tiny `model` and `data`."""
    import torch
    from transformers import MistralConfig, MistralForCausalLM

    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(2)
    shape = MistralConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, vocab_size=100, sliding_window=None,
    )  # fmt: skip
    MistralForCausalLM(shape).save_pretrained(folder / "model")
    drawn = np.random.default_rng(5)
    writer = TokenizedWriter(folder / "data")
    for _ in range(STEPS * 4 - 1):
        length = int(drawn.integers(4, 30))
        writer.add(drawn.integers(0, 100, length), np.arange(length) > length // 3, "en")
    writer.close(template_text="{{ messages }}")
    return folder


@pytest.fixture(scope="module")
def trained(made):
    """Model folders by (workers, ZeRO stage, precision, resumed), from one group of two and one lone process."""
    folders = {}
    for workers, stages in ((2, STAGES), (1, ((0, "fp32"),))):
        phases = []
        for stage, precision in stages:
            for resumed in (False, True):
                folder = made / f"{workers}-{stage}-{precision}-{resumed}"
                folder.mkdir()
                stop = folder / "stop"
                if resumed:
                    stop.touch()
                chosen = settings(precision=precision).model_dump(mode="json")
                phases.append(
                    {
                        "folder": str(folder), "model": str(made / "model"), "data": str(made / "data"),
                        "stop": str(stop), "hyperparameters": chosen, "seed": 17,
                        "zero_stage": stage, "micro_batch_tokens": 40,
                    }
                )  # fmt: skip
                written = Path(f"{folder}-resumed") if resumed else folder
                folders[workers, stage, precision, resumed] = written / "model"
        LocalWorkers().group(train_each, {"phases": phases}, size=workers, accelerator=None, name="train")
    return folders


def weights(folder):
    return load_file(folder / "model.safetensors")


def curve(model_folder):
    return [json.loads(line) for line in (model_folder.parent / "curve.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_the_split_changes_only_rounding(trained, stage):
    alone, split = trained[1, 0, "fp32", False], trained[2, stage, "fp32", False]
    ours, wanted = weights(split), weights(alone)
    assert ours.keys() == wanted.keys()
    assert max(float((ours[name] - wanted[name]).abs().max()) for name in wanted) < 5e-5
    for line, other in zip(curve(split), curve(alone), strict=True):
        for figure in ("loss", "grad_norm", "tokens", "supervised_tokens"):
            assert line[figure] == pytest.approx(other[figure], rel=1e-4)


def test_bf16_is_alike_under_the_stages_that_hold_it(trained):
    first, third = (curve(trained[2, stage, "bf16", False]) for stage in (1, 3))
    for line, other in zip(first, third, strict=True):
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-3)


@pytest.mark.parametrize(("stage", "precision"), STAGES)
def test_stopped_and_resumed_ends_in_the_same_bytes(trained, stage, precision):
    straight, resumed = (trained[2, stage, precision, again] for again in (False, True))
    assert (straight / "model.safetensors").read_bytes() == (resumed / "model.safetensors").read_bytes()


def attempt(made, folder, workers, **changes):
    execution = ExecutionSpec(
        workers=2, zero_stage=0, micro_batch_tokens=40, checkpoint=CheckpointPolicy(every_steps=1, keep=2)
    )
    folder.mkdir()
    return StageContext(
        **{"folder": folder, "execution": execution, "workers": workers, "stop": made / "no-stop", **changes}
    )


def test_killed_and_resumed_ends_in_the_same_bytes(made, trained, tmp_path):
    inputs = {"model": made / "model", "data": made / "data"}
    workers = LocalWorkers()
    first = attempt(made, tmp_path / "first", workers)
    enough = random.randrange(2, STEPS - 2)

    def kill():
        lines = first.folder / "curve.jsonl"
        while not lines.exists() or lines.read_bytes().count(b"\n") < enough:
            time.sleep(0.002)
        os.kill(workers.running[1].pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(InfraError, match="killed by SIGKILL"):
        run(config(), inputs, first)
    killer.join()
    notes, reports = [], []
    second = attempt(
        made, tmp_path / "second", workers,
        earlier=(first.folder,), note=notes.append, report=reports.append,
    )  # fmt: skip
    artifact = run(config(), inputs, second)
    straight = trained[2, 0, "fp32", False]
    bytes_of = [folder / "model.safetensors" for folder in (artifact.outputs["model"], straight)]
    assert bytes_of[0].read_bytes() == bytes_of[1].read_bytes()
    assert [line["step"] for line in curve(artifact.outputs["model"])] == list(range(1, STEPS + 1))
    assert notes
    assert "goes on from step" in notes[0]
    assert reports[-1].step == reports[-1].total == STEPS
    assert artifact.metrics["steps"] == STEPS
    assert artifact.metrics["peak_memory_bytes"] > 0
    assert not (second.folder / "checkpoints").exists()


def test_data_without_a_supervised_token_is_refused(made, tmp_path):
    writer = TokenizedWriter(tmp_path / "data")
    writer.add([1, 2, 3], [0, 0, 0], "en")
    writer.close()
    with pytest.raises(DataError, match="none of 1 samples has a supervised token"):
        run(
            config(),
            {"model": made / "model", "data": tmp_path / "data"},
            attempt(made, tmp_path / "a", LocalWorkers()),
        )
