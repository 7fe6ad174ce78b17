"""A whole two-phase experiment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from cftray.spec.analysis import Analysis
from cftray.spec.base import SpecModel
from cftray.spec.evaluation import Condition, EvaluationSpec
from cftray.spec.execution import ExecutionSpec
from cftray.spec.model import ModelRef
from cftray.spec.phases import Phase1, Phase2
from cftray.spec.template import Template

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class ExperimentSpec(SpecModel):
    """Base model, phase 1, phase 2, evaluation, seeds; and, apart from all that, execution.

    Each seed is a replica: it seeds both phases alike, and a stage's fingerprint holds only its own.
    """

    name: Name
    project: Annotated[Name, Field(description="MLflow's experiment")] = "default"
    labels: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    base: ModelRef
    template: Annotated[Template, Field(description="how rows become text, in both phases")] = "chat"
    phase1: Phase1
    phase2: Phase2
    gate: Annotated[
        tuple[Condition, ...],
        Field(max_length=16, description="what P1's scores have to be for phase 2 to be trained; all of it"),
    ] = ()
    evaluation: EvaluationSpec = EvaluationSpec()
    analysis: Annotated[
        tuple[Analysis, ...], Field(max_length=8, description="des, mpd, representations, crosslingual; each once")
    ] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=64)] = (17,)
    execution: ExecutionSpec = ExecutionSpec()

    @field_validator("analysis")
    @classmethod
    def _each_kind_once(cls, value: tuple[Analysis, ...]) -> tuple[Analysis, ...]:
        kinds = [one.kind for one in value]
        if len(set(kinds)) != len(kinds):
            raise ValueError("each kind of analysis once")
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) != len(value):
            raise ValueError("each seed once")
        return value
