"""What the stage settles and refuses before any worker starts."""

from __future__ import annotations

import json

import pytest

from cftray.data.tokenized import TokenizedWriter
from cftray.errors import DataError, ExecutionError, ModelError
from cftray.plan.stages import TrainConfig
from cftray.spec.execution import ExecutionSpec
from cftray.spec.hyperparameters import Hyperparameters
from cftray.stage import StageContext
from cftray.training.progress import CurveWatch
from cftray.training.stage import run
from cftray.training.weights import headers, parameter_count, shapes_of


class Told(Exception):
    """Ends the stage where its workers would start."""


class Recorder:
    """Workers that only take down what they are asked for."""

    def __init__(self, free):
        self.free = free

    def available(self, accelerator):
        return self.free

    def group(self, entry, request, *, size, accelerator, name):
        self.size, self.request, self.name = size, request, name
        raise Told


@pytest.fixture
def ask(base, tokenized, tmp_path):
    def run_stage(free=8, data=tokenized, model=base, execution=None, **changes):
        workers = Recorder(free)
        chosen = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 8, "max_length": 32, **changes}
        config = TrainConfig.model_construct(phase=2, hyperparameters=Hyperparameters(**chosen), seed=17)
        context = StageContext(
            folder=tmp_path / "attempt",
            execution=ExecutionSpec(**(execution or {})),
            workers=workers,
            stop=tmp_path / "stop",
        )
        with pytest.raises(Told):
            run(config, {"model": model, "data": data}, context)
        return workers

    return run_stage


def test_left_open_execution_is_settled(ask):
    workers = ask(free=8)
    assert (workers.size, workers.name) == (2, "train.p2.s17")
    assert (workers.request["zero_stage"], workers.request["micro_batch_tokens"]) == (0, 8192)
    assert ask(free=8, global_batch=1).size == 1
    assert ask(free=8, execution={"accelerator": "GPU"}).size == 8
    assert ask(precision="bf16").request["zero_stage"] == 1


def test_more_workers_than_samples_in_a_step_are_refused(ask):
    with pytest.raises(ExecutionError, match="9 workers can't share a step of 8 samples"):
        ask(execution={"workers": 9})


def test_tokens_of_another_tokenizer_are_refused(ask, tmp_path):
    writer = TokenizedWriter(tmp_path / "data")
    writer.add([1, 100], [0, 1], "en")
    writer.close()
    with pytest.raises(DataError, match="token 100, the model knows 100"):
        ask(data=tmp_path / "data")


def test_empty_data_are_refused(ask, tmp_path):
    TokenizedWriter(tmp_path / "data").close()
    with pytest.raises(DataError, match="empty after tokenisation"):
        ask(data=tmp_path / "data")


def test_a_folder_that_is_no_model_is_refused(ask, tmp_path):
    with pytest.raises(ModelError, match=r"config\.json can't be read"):
        ask(model=tmp_path / "nowhere")


def test_parameters_are_counted_from_headers(base):
    from safetensors.torch import load_file

    assert parameter_count(shapes_of(headers(base))) == sum(
        t.numel() for t in load_file(base / "model.safetensors").values()
    )


def test_curve_is_told_once_a_look_and_never_twice(tmp_path):
    curve, told = tmp_path / "curve.jsonl", []
    watch = CurveWatch(curve, 3, told.append)
    watch.look()
    line = {"loss": 1.0, "learning_rate": 0.1, "grad_norm": 2.0, "tokens": 10, "supervised_tokens": 5, "seconds": 0.5}
    curve.write_text("".join(json.dumps({"step": step, **line}) + "\n" for step in (1, 2)) + '{"step": 3')
    watch.look()
    watch.look()
    assert [(progress.step, progress.total) for progress in told] == [(2, 3)]
    assert told[0].figures["tokens_per_s"] == 20
    assert told[0].figures["supervised_tokens_per_s"] == 10
