"""A matrix: one experiment, varied along axes, as cells that share what they can."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from cftray.spec.base import SpecModel
from cftray.spec.experiment import Name

MOST_CELLS = 256
SEED = "seed"
MITIGATION = "mitigation"

Coordinates = Mapping[str, Any]
"""The value of each axis in one cell."""


class MatrixSpec(SpecModel):
    """Every combination of the axes' values over `spec`, and then `cells`, each over every seed.

    `spec` is an experiment's document, written out or as a recipe. An axis is named by the path of a
    field in it (`phase2.hyperparameters.learning_rate`); `mitigation` and `seed` stand for phase 2's
    mitigation and the experiment's seed in either form. A cell of `cells` gives values to some paths.
    """

    name: Name
    spec: dict[str, Any]
    axes: dict[str, Annotated[tuple[Any, ...], Field(min_length=1, max_length=64)]] = Field(default_factory=dict)
    cells: Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_CELLS)] = ()

    def coordinates(self) -> Iterator[Coordinates]:
        """The cells, the last axis varying fastest, seeds last of all; extra cells before the product."""
        seeds = [{SEED: seed} for seed in self.axes.get(SEED, ())] or [{}]
        axes = {name: values for name, values in self.axes.items() if name != SEED}
        product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
        extra: list[dict[str, Any]] = [dict(cell) for cell in self.cells]
        for cell in (extra + product) or [{}]:
            yield from (cell if SEED in cell else cell | seed for seed in seeds)

    def document(self, cell: Coordinates) -> dict[str, Any]:
        """The experiment's document with the cell's values in their places."""
        recipe = "recipe" in self.spec
        places = {SEED: "seeds", MITIGATION: MITIGATION if recipe else f"phase2.{MITIGATION}"}
        document: dict[str, Any] = _copy(self.spec)
        for name, value in cell.items():
            _put(document, places.get(name, name), [value] if name == SEED else value)
        return document


def _copy(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list | tuple) else value


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a dotted path; what is missing on the way is made, what is no mapping is replaced."""
    *way, last = path.split(".")
    for step in way:
        inner = document.get(step)
        if not isinstance(inner, dict):
            inner = document[step] = {}
        document = inner
    document[last] = _copy(value)
