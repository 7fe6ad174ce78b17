"""A sweep: settings of phase 2 that are tried under an objective (Ray Tune runs the trials).

    space: {phase2.hyperparameters.learning_rate: {loguniform: [1.0e-4, 1.0e-3]}, phase2.mitigation.ratio: [0.05, 0.1]}
    trials: 8
    objective: {maximise: la, subject_to: [{score: ta, decline_at_most: 0.03}]}
    early_stopping: {grace: 0.25, reduction_factor: 2}

Which trials there are follows from the document alone, so each is checked and planned before anything runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from cftray.spec.base import SpecModel
from cftray.spec.evaluation import ScoreName
from cftray.spec.execution import ExecutionSpec
from cftray.spec.experiment import ExperimentSpec, Name

MOST_TRIALS = 256
MOST_DIMENSIONS = 16
MOST_CHOICES = 256
DIGITS = 4


Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
"""Every one of them is a number of JSON without loss."""


class Range(SpecModel):
    """Numbers from the first to the second, both included, of one kind."""

    uniform: Annotated[tuple[float, float] | None, Field(description="any number, each as likely")] = None
    loguniform: Annotated[
        tuple[float, float] | None, Field(description="any positive number, each order of magnitude as likely")
    ] = None
    integers: Annotated[tuple[Whole, Whole] | None, Field(description="whole numbers, each as likely")] = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [one for one in (self.uniform, self.loguniform, self.integers) if one is not None]
        if len(given) != 1:
            raise ValueError("one of uniform, loguniform and integers: [low, high]")
        low, high = given[0]
        if not low < high:
            raise ValueError(f"[low, high] with low below high, not [{low:g}, {high:g}]")
        if self.loguniform is not None and low <= 0:
            raise ValueError(f"loguniform: [low, high] with low above 0, not {low:g}")
        return self

    def at(self, place: float) -> float | int:
        """The number at `place`, 0 to 1, of the way; numbers that are no integers with `DIGITS` significant digits, so
        that they can be written down."""
        if self.integers is not None:
            low, high = self.integers
            return min(high, low + int(place * (high - low + 1)))
        if self.loguniform is not None:
            first, last = map(math.log, self.loguniform)
            return _rounded(math.exp(first + place * (last - first)))
        assert self.uniform is not None
        first, last = self.uniform
        return _rounded(first + place * (last - first))


def _kind(value: object) -> str:
    return "range" if isinstance(value, Mapping | Range) else "values"


Values = Annotated[tuple[Any, ...], Field(min_length=1, max_length=MOST_CHOICES)]
Dimension = Annotated[
    Annotated[Values, Tag("values")] | Annotated[Range, Tag("range")],
    Discriminator(_kind),
]
"""The values of one setting: a list, or a range of numbers that are drawn from."""


class Bound(SpecModel):
    """A constraint on a score of P2, 0 to 1: bounds of its own, or how far it may be below P1's."""

    score: ScoreName
    at_least: Annotated[float | None, Field(ge=0, le=1)] = None
    at_most: Annotated[float | None, Field(ge=0, le=1)] = None
    decline_at_most: Annotated[
        float | None, Field(ge=-1, le=1, description="P1's score less P2's: 0.02 are two points of a hundred")
    ] = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None and self.decline_at_most is None:
            raise ValueError("give at_least, at_most or decline_at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least} is above at_most {self.at_most}: no score is both")
        return self


class Objective(SpecModel):
    """The score of P2 that is to be high, among trials that keep to every bound."""

    maximise: ScoreName = "la"
    subject_to: Annotated[tuple[Bound, ...], Field(max_length=8)] = ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Every score that it names, each once."""
        return tuple(dict.fromkeys([self.maximise, *(bound.score for bound in self.subject_to)]))


class EarlyStopping(SpecModel):
    """Asynchronous successive halving (ASHA; Li et al., 2020): a trial's phase 2 is scored at rungs, shares of its
    steps that grow by `reduction_factor`, and only the best 1 / `reduction_factor` of those that came to a rung go on.

    The learning rate follows the whole phase's schedule, so a trial that goes on is what it would have been in one go.
    """

    grace: Annotated[float, Field(gt=0, lt=1, description="the first rung, as a share of phase 2's steps")] = 0.25
    reduction_factor: Annotated[int, Field(ge=2, le=8)] = 2

    @property
    def rungs(self) -> tuple[float, ...]:
        """Shares of phase 2's steps at which a trial may end, ascending; the whole is none of them."""
        found: list[float] = []
        share = self.grace
        while share < 1 and not math.isclose(share, 1.0):
            found.append(share)
            share *= self.reduction_factor
        return tuple(found)


class SweepSpec(SpecModel):
    """Trials over one experiment: phase 1 is the same in all of them and trained once.

    `space` names fields of phase 2 by path (`phase2.hyperparameters.learning_rate`; `mitigation` stands for
    `phase2.mitigation`). Without `trials` every combination of its lists is tried; with it so many are drawn, seeded.
    """

    name: Name
    project: Annotated[Name, Field(description="MLflow's experiment; left out, that of the spec")] = "default"
    labels: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    spec: Annotated[ExperimentSpec, Field(description="the experiment whose phase 2 is varied; a recipe will do")]
    space: Annotated[dict[str, Dimension], Field(min_length=1, max_length=MOST_DIMENSIONS)]
    trials: Annotated[
        int | None, Field(ge=1, le=MOST_TRIALS, description="how many are drawn; null: every combination of the lists")
    ] = None
    seed: Annotated[int, Field(ge=0, lt=2**31, description="of the draws, and of nothing else")] = 0
    objective: Objective = Objective()
    early_stopping: Annotated[EarlyStopping | None, Field(description="null: every trial is trained to its end")] = None
    concurrency: Annotated[
        int | None, Field(ge=1, le=MOST_TRIALS, description="trials at a time; null: as many as have room to train")
    ] = None

    @property
    def execution(self) -> ExecutionSpec:
        """Where and how the trials run: the experiment's."""
        return self.spec.execution

    @property
    def rungs(self) -> tuple[float, ...]:
        """Shares of phase 2's steps at which trials are scored, before the whole."""
        return () if self.early_stopping is None else self.early_stopping.rungs


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
