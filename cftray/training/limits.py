"""Which execution settings can hold, decided before any worker starts. Imports no torch."""

from __future__ import annotations

from typing import Literal

from cftray.errors import ExecutionError
from cftray.spec.execution import ExecutionSpec, Offload
from cftray.spec.hyperparameters import Hyperparameters, Precision

Stage = Literal[0, 1, 2, 3]

GIB = 1 << 30
ACCELERATOR_MEMORY = {
    "A100": 40, "A100-40G": 40, "A100-80G": 80, "H100": 80, "H200": 141, "L40S": 48, "L4": 24, "A10G": 24, "V100": 16,
}  # fmt: skip
"""GiB of the accelerator types that Ray names; any other is taken for the smallest."""


ON_CPU = 2
"""Workers of a group on CPUs where the spec leaves it open."""


def group_size(execution: ExecutionSpec, free: int) -> int:
    """Workers of a group: as many as are asked for, else as there is room for (`free`), on CPUs `ON_CPU` at most."""
    return execution.workers or (free if execution.accelerator else min(ON_CPU, free))


def refuse_impossible(hyperparameters: Hyperparameters, stage: int, offload: Offload, workers: int) -> None:
    """Raises ExecutionError, saying what to set instead."""
    if hyperparameters.precision is Precision.BF16 and stage == 0:
        raise ExecutionError(
            "execution.zero_stage 0 with precision bf16 can't keep fp32 master weights and fp32 gradient "
            "accumulation; use zero_stage 1 (the same without saving memory), 2 or 3, or precision fp32"
        )
    if offload.parameters and stage != 3:
        raise ExecutionError(f"execution.offload.parameters needs zero_stage 3, not {stage}")
    if offload.optimizer and stage == 0:
        raise ExecutionError("execution.offload.optimizer needs zero_stage 1, 2 or 3, not 0")
    if workers > hyperparameters.global_batch:
        raise ExecutionError(
            f"{workers} workers can't share a step of {hyperparameters.global_batch} {hyperparameters.batch_unit}; "
            f"set execution.workers to at most {hyperparameters.global_batch}, or a larger global_batch"
        )


def lowest_stage(
    parameters: int, precision: Precision, offload: Offload, workers: int, memory: int, *, trained: int | None = None
) -> Stage:
    """The lowest ZeRO stage whose model states fit into 0.6 of a worker's `memory` (bytes).

    Only the `trained` of the parameters, null for all, have gradients and optimizer state; LoRA's come on top.
    Bytes a parameter, after Rajbhandari et al. 2020 (ZeRO), with fp32 accumulation: fp32 keeps weight
    4, gradient 4 and Adam 8, from stage 1 on also the optimizer's own copy of the weight, 4; bf16 keeps
    weight 2, gradient 2, fp32 gradient 4 and, split over workers, master weight and Adam 12. The rest
    is for activations. Where nothing fits, stage 3 is the best there is.
    """
    half = precision is Precision.BF16
    weight, gradient, optimizer = (2, 6, 12) if half else (4, 4, 12)
    count = parameters if trained is None else trained
    needs: dict[Stage, float] = {
        0: parameters * weight + count * 12,
        1: parameters * weight + count * (gradient + optimizer / workers),
        2: parameters * weight + count * (gradient + optimizer) / workers,
        3: (parameters * weight + count * (gradient + optimizer)) / workers,
    }
    first = 3 if offload.parameters else 1 if half or offload.optimizer else 0
    for stage, needed in needs.items():
        if stage >= first and needed <= 0.6 * memory:
            return stage
    return 3


def worker_memory(accelerator: str | None, host_bytes: int, workers: int) -> int:
    """Bytes that one worker's model states can lie in."""
    if accelerator is None:
        return host_bytes // workers
    known = accelerator.upper().replace("NVIDIA-TESLA-", "").replace("NVIDIA-", "")
    return ACCELERATOR_MEMORY.get(known, min(ACCELERATOR_MEMORY.values())) * GIB
