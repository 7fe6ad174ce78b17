"""A matrix: one experiment, varied along axes, as cells that share what they can.

How many cells there are follows from the lengths of the axes, so a matrix that is too large is refused unexpanded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from cftray.spec.base import SpecModel
from cftray.spec.experiment import Name

MOST_CELLS = 1000
"""Each cell is an experiment of its own, with a plan of some 20 kB and a job with a driver of 400 MB. A thousand are
planned and stored within a request's patience and are more rows than a table is read by; a larger study is several
matrices, which share their stages as well."""
MOST_AXES = 32
SEED = "seed"
MITIGATION = "mitigation"

Coordinates = Mapping[str, Any]
"""The value of each axis in one cell."""

Axes = Annotated[
    dict[str, Annotated[tuple[Any, ...], Field(min_length=1, max_length=MOST_CELLS)]], Field(max_length=MOST_AXES)
]
Cells = Annotated[tuple[dict[str, Any], ...], Field(max_length=MOST_CELLS)]


class MatrixSpec(SpecModel):
    """Every combination of the axes' values over `spec`, and before them `cells`, each over every seed.

    `spec` is an experiment's document, written out or as a recipe. An axis is named by the path of a field in it
    (`phase2.hyperparameters.learning_rate`); `mitigation` and `seed` stand for phase 2's mitigation and the
    experiment's seed in either form. An axis of any other name sets several fields at once: its values are mappings
    from paths to values, with a `label`. A cell of `cells` gives values to some paths.
    """

    name: Name
    spec: dict[str, Any]
    axes: Axes = Field(default_factory=dict)
    cells: Cells = ()

    @property
    def count(self) -> int:
        """The number of cells, without expanding them."""
        seeds = len(self.axes.get(SEED, ())) or 1
        others = [len(values) for name, values in self.axes.items() if name != SEED]
        extra = sum(1 if SEED in cell else seeds for cell in self.cells)
        product = seeds * math.prod(others) if others or not self.cells else 0
        return extra + product

    def coordinates(self) -> Iterator[Coordinates]:
        """The cells, the last axis varying fastest, seeds last of all; extra cells before the product."""
        for cell in self.cells:
            yield from self.of_cell(cell)
        yield from self.of_axes()

    def of_cell(self, cell: Mapping[str, Any]) -> Iterator[Coordinates]:
        """An extra cell over every seed, unless it has its own."""
        seeds = [{SEED: seed} for seed in self.axes.get(SEED, ())] or [{}]
        yield from ([dict(cell)] if SEED in cell else ({**cell, **seed} for seed in seeds))

    def of_axes(self) -> Iterator[Coordinates]:
        """The product of the axes; of a matrix without any the experiment itself, unless it has cells."""
        axes = {name: values for name, values in self.axes.items() if name != SEED}
        if axes or not self.cells:
            for values in itertools.product(*axes.values()):
                yield from self.of_cell(dict(zip(axes, values, strict=True)))

    def with_more(self, more: MatrixAddition, seeds: tuple[Any, ...]) -> MatrixSpec:
        """The matrix as if `more` had been in it from the start; `seeds` are those of cells that were given none.

        The new values of an axis stand behind its old ones. An axis that the matrix has not is the caller's to refuse,
        `seed` excepted.
        """
        axes = dict(self.axes)
        for name, values in more.axes.items():
            before = axes.get(name, seeds if name == SEED else ())
            axes[name] = (*before, *(value for value in values if value not in before))
        itself: Cells = ({},) if more.cells and not self.cells and not set(axes) - {SEED} else ()
        return self.model_copy(update={"axes": axes, "cells": (*itself, *self.cells, *more.cells)})


class MatrixAddition(SpecModel):
    """What a matrix gets more of: values of its axes, and cells.

    The new cells are those that the matrix would have had more with these in it from the start: a new seed gives
    every cell a replica, a new mitigation is a row over every seed.
    """

    axes: Axes = Field(default_factory=dict)
    cells: Cells = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.axes and not self.cells:
            raise ValueError("give axes: {name: [new values]}, cells: [{path: value}], or both")
        return self
