"""Recipes by name, and documents that name one."""

from __future__ import annotations

import inspect
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cftray.errors import Fault, SpecRefused, nearest
from cftray.recipes.mini import Pair, mini
from cftray.recipes.paper import PaperRecipe
from cftray.spec import (
    Condition,
    ExecutionSpec,
    ExperimentSpec,
    Mitigation,
    NoMitigation,
    experiment_from_document,
    faults_of,
    parse_document,
)
from cftray.spec.analysis import Analysis
from cftray.spec.base import SpecModel
from cftray.spec.experiment import Name, Seed


class MiniRecipe(SpecModel):
    """A miniature experiment in its short form."""

    recipe: Literal["mini"] = "mini"
    pair: Annotated[Pair, Field(description="which phase-wise data sets, and whether they are similar")]
    mitigation: Mitigation = NoMitigation()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1, max_length=64)] = (17,)
    gate: Annotated[tuple[Condition, ...], Field(max_length=16, description="as in a whole spec")] = ()
    analysis: Annotated[tuple[Analysis, ...], Field(max_length=8, description="as in a whole spec")] = ()
    name: Name | None = None
    project: Name = "mini"
    execution: ExecutionSpec = ExecutionSpec()

    def spec(self) -> ExperimentSpec:
        """The whole spec."""
        return mini(
            self.pair,
            mitigation=self.mitigation,
            seeds=self.seeds,
            gate=self.gate,
            analysis=self.analysis,
            name=self.name,
            project=self.project,
            execution=self.execution,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A named experiment: what it takes (JSON Schema) and an example document.

    `needs_hub`: it reads models or data of the Hugging Face hub.
    """

    name: str
    title: str
    needs_hub: bool
    parameters: dict[str, Any]
    example: dict[str, Any]


FORMS: dict[str, type[MiniRecipe | PaperRecipe]] = {"mini": MiniRecipe, "paper": PaperRecipe}
EXAMPLES: dict[str, dict[str, Any]] = {
    "mini": {"recipe": "mini", "pair": "dissimilar", "seeds": [17]},
    "paper": {
        "recipe": "paper", "base_model": "mistral-7b", "phase1": "instruct", "phase2": "multialpaca",
        "strategy": "GR_5",
    },
}  # fmt: skip


def catalogue() -> list[Recipe]:
    """Every recipe."""
    return [
        Recipe(
            name=name,
            title=(inspect.getdoc(form) or "").splitlines()[0],
            needs_hub=form is PaperRecipe,
            parameters=form.model_json_schema(),
            example=EXAMPLES[name],
        )
        for name, form in FORMS.items()
    ]


def spec_from_document(document: dict[str, Any]) -> ExperimentSpec:
    """The spec of a document, written out or as a recipe. Raises SpecRefused with every fault."""
    if "recipe" not in document:
        return experiment_from_document(document)
    name = str(document["recipe"])
    if name not in FORMS:
        raise SpecRefused([Fault(path="recipe", given=name, expected=nearest(name, FORMS))])
    try:
        return FORMS[name].model_validate_json(json.dumps(document, default=str)).spec()
    except ValidationError as error:
        raise SpecRefused(faults_of(error, FORMS[name])) from error


def spec_from_file(path: Path) -> ExperimentSpec:
    """The spec in a YAML or JSON file, written out or as a recipe."""
    return spec_from_document(parse_document(path.read_text(encoding="utf-8")))

