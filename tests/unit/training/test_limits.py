from __future__ import annotations

import pytest

from cftray.errors import ExecutionError
from cftray.spec.execution import Offload
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.training.limits import GIB, lowest_stage, refuse_impossible, worker_memory


def settings(**changes):
    return Hyperparameters(**{"learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 8, **changes})


@pytest.mark.parametrize(
    ("hyperparameters", "stage", "offload", "workers", "advice"),
    [
        (settings(precision="bf16"), 0, Offload(), 1, "use zero_stage 1"),
        (settings(), 2, Offload(parameters=True), 1, "needs zero_stage 3, not 2"),
        (settings(), 0, Offload(optimizer=True), 1, "needs zero_stage 1, 2 or 3"),
        (settings(), 0, Offload(), 5, "set execution.workers to at most 4"),
    ],
)
def test_what_cannot_hold_is_refused_with_advice(hyperparameters, stage, offload, workers, advice):
    with pytest.raises(ExecutionError, match=advice):
        refuse_impossible(hyperparameters, stage, offload, workers)


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_fp32_holds_under_every_stage(stage):
    refuse_impossible(settings(), stage, Offload(), 4)


def test_lowest_stage_rises_with_the_model():
    chosen = [
        lowest_stage(size, Precision.FP32, Offload(), 8, 80 * GIB)
        for size in (10**6, 4 * 10**9, 7 * 10**9, 70 * 10**9)
    ]
    assert chosen == [0, 1, 2, 3]


def test_what_is_not_trained_has_no_gradient_and_no_optimizer_state():
    def chosen(trained):
        return lowest_stage(7 * 10**9, Precision.BF16, Offload(), 8, 80 * GIB, trained=trained)

    assert chosen(None) == 2
    assert chosen(10**8) == 1


def test_bf16_and_offload_need_a_stage_that_keeps_master_weights():
    assert lowest_stage(10, Precision.BF16, Offload(), 1, GIB) == 1
    assert lowest_stage(10, Precision.FP32, Offload(optimizer=True), 1, GIB) == 1
    assert lowest_stage(10, Precision.FP32, Offload(parameters=True), 1, GIB) == 3


def test_unknown_accelerator_counts_as_the_smallest():
    assert worker_memory("A100-80G", 0, 2) == 80 * GIB
    assert worker_memory("GPU", 0, 2) == 16 * GIB
    assert worker_memory(None, 64 * GIB, 2) == 32 * GIB
