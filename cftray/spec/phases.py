"""The two phases of continual fine-tuning (paper, section 2)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cftray.spec.base import SpecModel
from cftray.spec.data import DataSpec
from cftray.spec.hyperparameters import Hyperparameters
from cftray.spec.mitigation import Mitigation, NoMitigation
from cftray.spec.model import ModelRef
from cftray.spec.template import Template


class TrainedPhase(SpecModel):
    """Full fine-tuning on one data set."""

    data: DataSpec
    hyperparameters: Hyperparameters


class Phase1(SpecModel):
    """Phase 1: `train` the base on an English set, or `adopt` an instruct model."""

    train: TrainedPhase | None = None
    adopt: ModelRef | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Phase1:
        if (self.train is None) == (self.adopt is None):
            raise ValueError("exactly one of train: {data, hyperparameters} and adopt: a model")
        return self


class Phase2(TrainedPhase):
    """Phase 2: the P1 model on a multilingual set. The first phase's data are no input of it."""

    template: Annotated[Template | None, Field(description="null: the one phase 1 used")] = None
    mitigation: Mitigation = NoMitigation()
