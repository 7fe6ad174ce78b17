"""Where and how a phase runs. None of it may change a result beyond rounding, none is identity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel


class CheckpointPolicy(SpecModel):
    """When a running phase saves its state, and how many of those saves stay."""

    every_steps: Annotated[int | None, Field(ge=1)] = None
    every_minutes: Annotated[float | None, Field(gt=0)] = 10.0
    keep: Annotated[int, Field(ge=1, description="newest checkpoints kept while the phase runs")] = 1
    keep_after: Annotated[bool, Field(description="keep them when the phase is done")] = False


class Offload(SpecModel):
    """What DeepSpeed keeps in host memory. Parameters need ZeRO stage 3, the optimizer 1 or more."""

    optimizer: bool = False
    parameters: bool = False


class EndpointBudget(SpecModel):
    """The most that one stage may ask of an endpoint, over all its attempts; null: no limit.

    What was answered before is kept and never asked again, so a raised budget goes on where the lower one ended.
    """

    requests: Annotated[int | None, Field(ge=1, description="requests sent, repeated ones too")] = None
    tokens: Annotated[int | None, Field(ge=1, description="of prompts and answers together")] = None
    cost: Annotated[float | None, Field(gt=0, description="in the currency of the operator's price")] = None


class ExecutionSpec(SpecModel):
    """Workers, ZeRO stage and memory settings; left out, the plan chooses and says what it chose."""

    workers: Annotated[int | None, Field(ge=1, le=4096, description="null: as many as fit, on CPU at most 2")] = None
    accelerator: Annotated[
        str | None, Field(max_length=64, description="Ray accelerator type, `GPU` for any; null: CPU workers")
    ] = None
    zero_stage: Annotated[Literal[0, 1, 2, 3] | None, Field(description="null: the lowest that fits")] = None
    micro_batch_tokens: Annotated[
        int | None, Field(ge=8, description="tokens a worker computes at a time; null: max_length or 8192, the larger")
    ] = None
    offload: Offload = Offload()
    activation_checkpointing: bool = False
    checkpoint: CheckpointPolicy = CheckpointPolicy()
    endpoint_budget: EndpointBudget = EndpointBudget()
