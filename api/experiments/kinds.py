"""The kinds of work: all of them are plans that one job walks, told apart by what their spec asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from api.tables import ExperimentRow
from cftray.recipes import spec_from_document, sweep_from_document
from cftray.spec import (
    ExperimentSpec,
    ModelEvaluationSpec,
    SimilaritySpec,
    SweepSpec,
    evaluation_from_document,
    similarity_from_document,
)

SingleSpec = ExperimentSpec | ModelEvaluationSpec | SimilaritySpec
"""What is checked by itself; a sweep is checked by its trials, which are experiments."""

AnySpec = SingleSpec | SweepSpec


class Kind(StrEnum):
    """What somebody asked for."""

    EXPERIMENT = "experiment"
    EVALUATION = "evaluation"
    SIMILARITY = "similarity"
    SWEEP = "sweep"

    @property
    def prefix(self) -> str:
        """What its ids begin with."""
        return PREFIXES[self]

    @property
    def path(self) -> str:
        """Where the service keeps it: `/v1/experiments`, `/v1/similarity`."""
        return "/v1/similarity" if self is Kind.SIMILARITY else f"/v1/{self}s"

    @property
    def one(self) -> str:
        """In words: `an experiment`."""
        return f"{'an' if self in (Kind.EXPERIMENT, Kind.EVALUATION) else 'a'} {self}"

    def spec(self, document: dict[str, Any]) -> AnySpec:
        """The spec in a document that a client sent. Raises SpecRefused with every fault."""
        return READERS[self](document)


PREFIXES: Mapping[Kind, str] = {
    Kind.EXPERIMENT: "exp",
    Kind.EVALUATION: "ev",
    Kind.SIMILARITY: "sim",
    Kind.SWEEP: "swp",
}

READERS: Mapping[Kind, Callable[[dict[str, Any]], AnySpec]] = {
    Kind.EXPERIMENT: spec_from_document,
    Kind.EVALUATION: evaluation_from_document,
    Kind.SIMILARITY: similarity_from_document,
    Kind.SWEEP: sweep_from_document,
}

SPECS: Mapping[Kind, type[AnySpec]] = {
    Kind.EXPERIMENT: ExperimentSpec,
    Kind.EVALUATION: ModelEvaluationSpec,
    Kind.SIMILARITY: SimilaritySpec,
    Kind.SWEEP: SweepSpec,
}


def spec_of(row: ExperimentRow) -> AnySpec:
    """The spec of stored work."""
    return SPECS[Kind(row.kind)].model_validate_json(row.spec)
