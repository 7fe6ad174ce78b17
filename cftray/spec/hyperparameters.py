"""How a phase is optimised. All of it is identity."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel


class Precision(StrEnum):
    """Number format of forward, backward and exported weights.

    `bf16` keeps fp32 master weights and optimizer state, accumulates and reduces gradients in fp32,
    and exports bf16 weights.
    """

    FP32 = "fp32"
    BF16 = "bf16"


class Hyperparameters(SpecModel):
    """AdamW under a cosine schedule (paper, Table B1), with every default written out.

    The learning rate, epochs and batch have no defaults: the right values depend on the model, and
    a hidden one would become a result.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1, description="peak learning rate, after warm-up")]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    global_batch: Annotated[
        int, Field(ge=1, le=1_000_000, description="samples in a step, whatever the number of workers")
    ]
    max_length: Annotated[
        int, Field(ge=8, le=1_000_000, description="tokens kept of a sample; longer ones are cut at the end")
    ]
    warmup_steps: Annotated[int, Field(ge=0, description="steps of linear warm-up")] = 10
    schedule: Annotated[Literal["cosine", "constant"], Field(description="after warm-up; cosine ends at 0")] = "cosine"
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Field(gt=0)] = 1e-8
    max_grad_norm: Annotated[
        float | None, Field(gt=0, description="gradients are clipped to this norm; null: no clipping")
    ] = 1.0
    precision: Precision = Precision.FP32
    batch_unit: Annotated[
        Literal["samples", "packs"],
        Field(
            description="what global_batch counts: samples, or packs of up to max_length tokens "
            "(another, much shorter run; the paper does not say which it used)"
        ),
    ] = "samples"
