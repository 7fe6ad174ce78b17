"""What the P1 and P2 models are scored on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from cftray.spec.base import SpecModel


class Suite(StrEnum):
    """Task ability and language ability (paper, section 3)."""

    TA = "ta"
    LA = "la"


class TaskPack(StrEnum):
    """A set of lm-evaluation-harness tasks for both suites."""

    MINI = "mini"


class EvaluationSpec(SpecModel):
    """Suites, tasks and the batch they are computed in (batch and padding can move a score)."""

    suites: Annotated[tuple[Suite, ...], Field(min_length=1)] = (Suite.TA, Suite.LA)
    pack: TaskPack = TaskPack.MINI
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    limit: Annotated[int | None, Field(ge=1, description="items per task; null: all")] = None
    contamination: Annotated[bool, Field(description="look for the items in each phase's data before training")] = True

    @field_validator("suites")
    @classmethod
    def _in_order_once(cls, value: tuple[Suite, ...]) -> tuple[Suite, ...]:
        return tuple(suite for suite in Suite if suite in value)
