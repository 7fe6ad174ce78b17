"""How alike data sets are before anything is trained on them: Dataset Embedding Similarity (paper, section 3.1)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cftray.spec.analysis import PAPER_SAMPLES, DesText
from cftray.spec.base import SpecModel
from cftray.spec.data import DataSpec
from cftray.spec.execution import ExecutionSpec
from cftray.spec.experiment import Name
from cftray.spec.model import ModelRef

SetName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
"""Short enough for the name of a stage that it is a part of."""

MOST_SETS = 64


class NamedSet(SpecModel):
    """A data set and what it is called in the matrix."""

    name: SetName
    data: DataSpec


class SimilaritySpec(SpecModel):
    """Data sets, each compared with each; execution is apart, as in an experiment.

    Rows that an experiment has read are found again by their content, whatever the sets are called here.
    """

    name: Name
    project: Annotated[Name, Field(description="MLflow's experiment")] = "default"
    labels: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
    sets: Annotated[tuple[NamedSet, ...], Field(min_length=2, max_length=MOST_SETS)]
    encoder: Annotated[ModelRef | None, Field(description="a sentence encoder; null: LaBSE")] = None
    samples: Annotated[int, Field(ge=2, le=1_000_000, description="rows that are embedded of each set")] = PAPER_SAMPLES
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    text: Annotated[DesText, Field(description="what of a row is embedded")] = "rendered"
    execution: ExecutionSpec = ExecutionSpec()
