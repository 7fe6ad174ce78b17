"""A DeepSpeed engine for a phase: its configuration, what it refuses, and one optimizer step.

The configuration is made inside the worker. Loss: with W ranks, a rank's gradient is that of
W · (sum of its token losses) / (supervised tokens of the whole step), and DeepSpeed averages over
ranks, so the update is that of the mean over the step's supervised tokens, however the step was split.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import deepspeed
import torch
from deepspeed.utils import logger as deepspeed_logger

from cftray.data.packing import MicroBatch
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.training.model import SummedLoss
from cftray.training.request import TrainRequest


@dataclass(frozen=True, slots=True)
class StepFigures:
    """`loss_sum` is this rank's summed token loss, `grad_norm` the global norm before clipping."""

    loss_sum: torch.Tensor
    grad_norm: float


def configuration(request: TrainRequest) -> dict[str, Any]:
    """DeepSpeed's configuration for a request that `refuse_impossible` has let pass.

    Types of accumulation and communication are pinned to fp32, since DeepSpeed's defaults follow the
    model's type. Clipping under ZeRO 0 is ours, so that the norm is known there as well.
    """
    hyperparameters, stage = request.hyperparameters, request.zero_stage
    zero: dict[str, Any] = {"stage": stage, "overlap_comm": torch.cuda.is_available() and stage >= 2}
    if request.offload.optimizer:
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
    if request.offload.parameters:
        zero["offload_param"] = {"device": "cpu", "pin_memory": torch.cuda.is_available()}
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "steps_per_print": 1_000_000_000,
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "bf16": {"enabled": hyperparameters.precision is Precision.BF16},
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "gradient_clipping": 0.0 if stage == 0 else hyperparameters.max_grad_norm or 0.0,
        "wall_clock_breakdown": False,
    }


def join_group() -> None:
    """Let DeepSpeed use the process group that is there, or make one for a single process.

    DeepSpeed would compile an all-reduce over shared memory here, which only inference uses; it needs
    a compiler and up to minutes, and is left out. (Imported by name: the package's attribute `torch` is
    PyTorch itself.)
    """
    deepspeed_logger.setLevel(logging.ERROR)
    os.environ.setdefault("LOCAL_RANK", "0")
    if not torch.distributed.is_initialized():
        store = torch.distributed.HashStore()
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
    backend_module = importlib.import_module("deepspeed.comm.torch")
    backend_module.__dict__["build_shm_op"] = lambda: None
    deepspeed.init_distributed(dist_backend=torch.distributed.get_backend(), verbose=False, auto_mpi_discovery=False)


def spare_the_compiler() -> None:
    """Import DeepSpeed's Muon optimizer with `torch.compile` out of its way.

    Every ZeRO stage from 1 on imports it to see whether the optimizer is one, and its decorators load the
    whole compiler: 3 s of each phase for code that never runs here.
    """
    compiler = torch.compile
    torch.compile = lambda function=None, **_: function if function is not None else lambda wrapped: wrapped
    try:
        importlib.import_module("deepspeed.runtime.zero.muon.muon_optimizer")
    finally:
        torch.compile = compiler


class Engine:
    """Takes optimizer steps. Every rank calls each method at the same time."""

    def __init__(self, module: SummedLoss, request: TrainRequest) -> None:
        self.world = torch.distributed.get_world_size()
        self._stage = request.zero_stage
        self._max_norm = request.hyperparameters.max_grad_norm or float("inf")
        if request.activation_checkpointing:
            module.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        module.train()
        if self._stage > 0:
            spare_the_compiler()
        self.deepspeed, *_ = deepspeed.initialize(
            model=module,
            optimizer=_optimizer(module, request.hyperparameters, request.offload.optimizer),
            config=configuration(request),
            dist_init_required=False,
        )
        if self._stage == 0 and self.world == 1:
            self.deepspeed.enable_backward_allreduce = False

    @property
    def model(self) -> Any:
        """The transformers model; under ZeRO 3 its parameters are partitioned."""
        return self.deepspeed.module.model

    def step(self, batches: Sequence[MicroBatch], supervised: int, learning_rate: float) -> StepFigures:
        """One update from this rank's micro-batches; `supervised` counts those of the whole step.

        A step whose samples have no supervised token updates with a zero gradient.
        """
        for group in self.deepspeed.optimizer.param_groups:
            group["lr"] = learning_rate
        total = torch.zeros((), device=self.deepspeed.device)
        for number, batch in enumerate(batches, start=1):
            self.deepspeed.set_gradient_accumulation_boundary(number == len(batches))
            loss = self.deepspeed(batch)
            self.deepspeed.backward(loss * (self.world / max(1, supervised)), scale_wrt_gas=False)
            total += loss.detach()
            if number < len(batches):
                self.deepspeed.step()
        norm = self._clipped_norm() if self._stage == 0 else None
        self.deepspeed.step()
        return StepFigures(total, float(self.deepspeed.get_global_grad_norm() if norm is None else norm))

    def _clipped_norm(self) -> torch.Tensor:
        """ZeRO 0 in fp32: gradients are whole and alike on every rank once the last backward is done."""
        return torch.nn.utils.clip_grad_norm_(self.deepspeed.module.parameters(), self._max_norm)

    def close(self) -> None:
        """Frees optimizer state and gradients; the model stays."""
        self.deepspeed.destroy()


def _optimizer(module: SummedLoss, hyperparameters: Hyperparameters, offloaded: bool) -> Any:
    """AdamW (Loshchilov & Hutter 2019); decay, where there is any, is for matrices only, as is usual."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    settings = {
        "lr": hyperparameters.learning_rate,
        "betas": (hyperparameters.beta1, hyperparameters.beta2),
        "eps": hyperparameters.epsilon,
    }
    groups: list[dict[str, Any]] = [{"params": trained, "weight_decay": 0.0}]
    if hyperparameters.weight_decay:
        flat = [parameter for parameter in trained if _dimensions(parameter) < 2]
        matrices = [parameter for parameter in trained if _dimensions(parameter) >= 2]
        groups = [
            {"params": matrices, "weight_decay": hyperparameters.weight_decay},
            {"params": flat, "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
    if offloaded:
        from deepspeed.ops.adam import DeepSpeedCPUAdam

        return DeepSpeedCPUAdam(groups, adamw_mode=True, **settings)
    return torch.optim.AdamW(groups, fused=True, **settings)


def _dimensions(parameter: Any) -> int:
    """Of the whole parameter, also where ZeRO 3 has left an empty one in its place."""
    return len(getattr(parameter, "ds_shape", parameter.shape))
