"""What every worker of a phase is told: JSON that crosses processes, checked on both sides."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.execution import CheckpointPolicy, Offload
from cftray.spec.hyperparameters import Hyperparameters
from cftray.spec.mitigation import LowRank


class TrainRequest(SpecModel):
    """One phase, resolved: nothing is left for a worker to choose.

    `folder` is the attempt's own, `resume_from` are those of earlier attempts; paths are as seen by
    every worker. `frozen` is the file of a selection. After `until` steps the phase is left, with a checkpoint;
    null: at its end. `card` is shown in the model card.
    """

    folder: str
    model: str
    data: str
    stop: str
    hyperparameters: Hyperparameters
    seed: int
    until: int | None = None
    zero_stage: Literal[0, 1, 2, 3]
    micro_batch_tokens: int
    offload: Offload = Offload()
    activation_checkpointing: bool = False
    checkpoint: CheckpointPolicy = CheckpointPolicy()
    resume_from: tuple[str, ...] = ()
    frozen: str | None = None
    lora: LowRank | None = None
    card: dict[str, Any] = Field(default_factory=dict)
