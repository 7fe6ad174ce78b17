"""The kinds of work: all of them are plans that one job walks, told apart by what their spec asks for."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from api.tables import ExperimentRow
from cftray.recipes import spec_from_document
from cftray.spec import ExperimentSpec, ModelEvaluationSpec, evaluation_from_document

AnySpec = ExperimentSpec | ModelEvaluationSpec


class Kind(StrEnum):
    """What somebody asked for."""

    EXPERIMENT = "experiment"
    EVALUATION = "evaluation"

    @property
    def prefix(self) -> str:
        """What its ids begin with."""
        return {Kind.EXPERIMENT: "exp", Kind.EVALUATION: "ev"}[self]

    @property
    def path(self) -> str:
        """Where the service keeps it: `/v1/experiments`."""
        return f"/v1/{self}s"

    def spec(self, document: dict[str, Any]) -> AnySpec:
        """The spec in a document that a client sent. Raises SpecRefused with every fault."""
        return spec_from_document(document) if self is Kind.EXPERIMENT else evaluation_from_document(document)


SPECS: dict[Kind, type[ExperimentSpec] | type[ModelEvaluationSpec]] = {
    Kind.EXPERIMENT: ExperimentSpec,
    Kind.EVALUATION: ModelEvaluationSpec,
}


def spec_of(row: ExperimentRow) -> AnySpec:
    """The spec of stored work."""
    return SPECS[Kind(row.kind)].model_validate_json(row.spec)
