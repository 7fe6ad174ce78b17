"""Scores of a model that is there already: nothing is trained."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.evaluation import EvaluationSpec
from cftray.spec.execution import ExecutionSpec
from cftray.spec.experiment import Name
from cftray.spec.hyperparameters import Precision
from cftray.spec.model import ModelRef
from cftray.spec.template import Template


class ModelEvaluationSpec(SpecModel):
    """One model and what it is scored on; execution is apart, as in an experiment.

    A model that an experiment has trained or adopted is found again by its content: the same scores are not made
    twice. `evaluation.contamination` has nothing to look at, since no data are known.
    """

    name: Name
    project: Annotated[Name, Field(description="MLflow's experiment")] = "default"
    labels: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    model: ModelRef
    template: Annotated[Template, Field(description="how prompts of chat tasks become text")] = "chat"
    evaluation: EvaluationSpec = EvaluationSpec()
    precision: Annotated[Precision, Field(description="of the weights while they are scored")] = Precision.FP32
    execution: ExecutionSpec = ExecutionSpec()
