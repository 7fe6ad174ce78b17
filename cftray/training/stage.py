"""The training stage: settle the execution, run the phase in a group of workers, tell how it goes.

Imports no torch: the workers do.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from cftray.data.order import steps_of
from cftray.data.tokenized import TokenizedData
from cftray.errors import DataError
from cftray.plan.stages import TrainConfig
from cftray.stage import Artifact, StageContext
from cftray.training.checkpoint import CURVE, FOLDER, PARAMETERS, identity_of, mismatch, newest
from cftray.training.entry import train_phase
from cftray.training.frozen import Selection, trained_parameters
from cftray.training.limits import Stage, group_size, lowest_stage, refuse_impossible, worker_memory
from cftray.training.progress import CurveWatch, curve_lines
from cftray.training.request import TrainRequest
from cftray.training.weights import config_of, headers, parameter_count, shapes_of

DEFAULT_MICRO_BATCH_TOKENS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Workers and ZeRO stage of this attempt, chosen where the request left them open."""

    workers: int
    zero_stage: Stage
    why: str


def run(config: TrainConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Train one phase from `inputs["model"]` on `inputs["data"]`, without what `inputs["frozen"]` selects.

    Outputs: `model`, `curve`, `timeline`, and with LoRA `adapter`. Raises DataError where nothing is supervised,
    ExecutionError and ModelError in words, Cancelled after a checkpoint once asked to stop.
    """
    return train(config, inputs, context)


def train(
    config: TrainConfig, inputs: Mapping[str, Path], context: StageContext, share: float | None = None
) -> Artifact:
    """As `run`; with `share`, that part of the phase's steps, rounded up, and a checkpoint to go on from."""
    context.raise_if_stopped()
    data = TokenizedData.open(inputs["data"])
    _refuse_unusable(data, config, inputs["model"])
    total = len(steps_of(data.lengths(), config.hyperparameters, config.seed))
    until = None if share is None else min(total, max(1, math.ceil(share * total)))
    request, settled = _settle(config, inputs, context, data)
    request = request.model_copy(update={"until": until})
    context.folder.mkdir(parents=True, exist_ok=True)
    with CurveWatch(context.folder / CURVE, until or total, context.report):
        context.workers.group(
            train_phase,
            request.model_dump(mode="json"),
            size=settled.workers,
            accelerator=context.execution.accelerator,
            name=f"train.p{config.phase}.s{config.seed}",
        )
    if until is None and not context.execution.checkpoint.keep_after:
        shutil.rmtree(context.folder / FOLDER, ignore_errors=True)
    return _artifact(context.folder, data, request, settled)


def _refuse_unusable(data: TokenizedData, config: TrainConfig, model: Path) -> None:
    if not len(data):
        raise DataError("the data set is empty after tokenisation; nothing to train on")
    if not data.supervised_counts().any():
        raise DataError(
            f"none of {len(data)} samples has a supervised token within max_length "
            f"{config.hyperparameters.max_length}; raise max_length, or check the template and the responses"
        )
    known = config_of(model).get("vocab_size")
    if known is not None and data.largest_token() >= known:
        raise DataError(
            f"the data have token {data.largest_token()}, the model knows {known}; "
            "tokenise with the tokenizer of the model that is trained"
        )


def _settle(
    config: TrainConfig, inputs: Mapping[str, Path], context: StageContext, data: TokenizedData
) -> tuple[TrainRequest, Settled]:
    """The request with nothing left open, going on from an earlier attempt's checkpoint where it can."""
    execution, hyperparameters = context.execution, config.hyperparameters
    if config.lora is not None and config.lora.learning_rate is not None:
        hyperparameters = hyperparameters.model_copy(update={"learning_rate": config.lora.learning_rate})
    settled = _chosen(config, inputs, context)
    request = TrainRequest(
        folder=str(context.folder.absolute()),
        model=str(inputs["model"].absolute()),
        data=str(inputs["data"].absolute()),
        stop=str(context.stop.absolute()),
        hyperparameters=hyperparameters,
        seed=config.seed,
        zero_stage=settled.zero_stage,
        micro_batch_tokens=execution.micro_batch_tokens or max(hyperparameters.max_length, DEFAULT_MICRO_BATCH_TOKENS),
        offload=execution.offload,
        activation_checkpointing=execution.activation_checkpointing,
        checkpoint=execution.checkpoint,
        frozen=str(inputs["frozen"].absolute()) if "frozen" in inputs else None,
        lora=config.lora,
        resume_from=tuple(str(folder.absolute()) for folder in context.earlier),
        card={"phase": config.phase, "data": data.digest, "samples": len(data), "started from": inputs["model"].name},
    )
    found = newest(context.earlier, identity_of(request, data.digest))
    if found is not None:
        state, path = found
        if execution.zero_stage is None and settled.zero_stage != state.zero_stage:
            settled = Settled(workers=settled.workers, zero_stage=state.zero_stage, why="the checkpoint's")
        if execution.workers is None and state.world <= context.workers.available(execution.accelerator):
            settled = Settled(workers=state.world, zero_stage=settled.zero_stage, why=settled.why)
        offload = execution.offload.model_dump()
        reason = mismatch(state, world=settled.workers, zero_stage=settled.zero_stage, offload=offload)
        if reason is None:
            context.note(f"goes on from step {state.step}, saved in {path.parent.parent.name}")
        else:
            context.note(f"starts again from step 0: {reason}")
            request = request.model_copy(update={"resume_from": ()})
    refuse_impossible(hyperparameters, settled.zero_stage, execution.offload, settled.workers)
    return request.model_copy(update={"zero_stage": settled.zero_stage}), settled


def _chosen(config: TrainConfig, inputs: Mapping[str, Path], context: StageContext) -> Settled:
    execution, hyperparameters = context.execution, config.hyperparameters
    workers = execution.workers
    if workers is None:
        free = max(1, context.workers.available(execution.accelerator))
        workers = min(group_size(execution, free), hyperparameters.global_batch)
    if execution.zero_stage is not None:
        return Settled(workers=workers, zero_stage=execution.zero_stage, why="asked for")
    memory = worker_memory(execution.accelerator, psutil.virtual_memory().total, workers)
    shapes = shapes_of(headers(inputs["model"]))
    selection = Selection.read(inputs["frozen"]) if "frozen" in inputs else None
    trained = trained_parameters(shapes, selection, config.lora)
    stage = lowest_stage(
        parameter_count(shapes), hyperparameters.precision, execution.offload, workers, memory, trained=trained
    )
    return Settled(workers=workers, zero_stage=stage, why=f"the lowest that fits {memory / 2**30:.0f} GiB a worker")


def _artifact(folder: Path, data: TokenizedData, request: TrainRequest, settled: Settled) -> Artifact:
    lines = curve_lines(folder / CURVE)
    tokens, supervised = (sum(int(line[key]) for line in lines) for key in ("tokens", "supervised_tokens"))
    seconds = sum(float(line["seconds"]) for line in lines)
    memory = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("memory-*.json"))]
    metrics: dict[str, float] = {
        "final_loss": float(lines[-1]["loss"]),
        "steps": len(lines),
        "tokens": tokens,
        "supervised_tokens": supervised,
        "seconds_in_steps": seconds,
        "tokens_per_s": tokens / seconds,
        "supervised_tokens_per_s": supervised / seconds,
        "peak_memory_bytes": max(facts["rss_bytes"] for facts in memory),
    }
    metrics |= json.loads((folder / PARAMETERS).read_text(encoding="utf-8"))
    if any("cuda_bytes" in facts for facts in memory):
        metrics["peak_cuda_bytes"] = max(facts["cuda_bytes"] for facts in memory)
    details: dict[str, Any] = {
        "composition": data.composition(),
        "execution": {
            "workers": settled.workers,
            "zero_stage": settled.zero_stage,
            "zero_stage_is": settled.why,
            "micro_batch_tokens": request.micro_batch_tokens,
            "offload": request.offload.model_dump(),
            "activation_checkpointing": request.activation_checkpointing,
        },
        "memory_of_workers": memory,
    }
    outputs = {"model": folder / "model", "curve": folder / CURVE, "timeline": folder / "timeline.json"}
    if request.lora is not None:
        outputs["adapter"] = folder / "adapter"
    return Artifact(outputs=outputs, metrics=metrics, details=details)
