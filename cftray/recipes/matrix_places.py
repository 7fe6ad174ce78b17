"""Where the names in a matrix lead: to a field of its recipe, else to one of the experiment that the recipe makes.

    seed, mitigation                         names of their own, for the seeds and phase 2's mitigation
    pair, strategy, …                        fields of the recipe, where the matrix's spec is one
    phase2.hyperparameters.learning_rate     any field of an experiment's spec; under a recipe set in what it has made
    anything else                            several fields at once: {label: …, path: value, …}
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from cftray.errors import Fault, SpecRefused, nearest
from cftray.recipes.catalogue import FORMS, spec_from_document
from cftray.spec import ExperimentSpec, experiment_from_document
from cftray.spec.matrix import MITIGATION, SEED, Coordinates, MatrixSpec
from cftray.spec.paths import has_path, meant

LABEL = "label"
"""What a value that sets several fields is called in the table."""
SHOWN = 80
"""Characters of a name that a message repeats."""


@dataclass(frozen=True, slots=True)
class Target:
    """A field: of the matrix's document, or of the experiment that its recipe makes (`made`)."""

    path: str
    made: bool = False


class Places:
    """The names that a matrix over the document `spec` may use. Raises SpecRefused for a recipe that isn't there."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.spec = spec
        recipe = spec.get("recipe")
        if recipe is not None and str(recipe) not in FORMS:
            fault = Fault(path="spec.recipe", given=str(recipe)[:SHOWN], expected=nearest(str(recipe), FORMS))
            raise SpecRefused([fault])
        self.form = None if recipe is None else FORMS[str(recipe)]
        self.known: dict[str, Target | None] = {}

    def faults(self, matrix: MatrixSpec) -> list[Fault]:
        """Names that lead nowhere, each with the one that may be meant, and fields that two axes set."""
        found = [fault for name, values in matrix.axes.items() for fault in self._faults(f"axes.{name}", name, values)]
        for place, cell in enumerate(matrix.cells):
            for name, value in cell.items():
                found += self._faults(f"cells[{place}].{name}", name, [value])
        return found or list(self._twice(matrix))

    def field_faults(self, place: str, name: str) -> list[Fault]:
        """Of a name that has to be one field's: that it is none, with the one that may be meant."""
        return [] if self.target(name) is not None else [self._nowhere(place, name)]

    def spec_at(self, cell: Coordinates) -> ExperimentSpec:
        """The experiment with the cell's values in their places. Raises SpecRefused with every fault."""
        values = [one for name, value in cell.items() for one in self._values(name, value)]
        values.sort(key=lambda one: one[0].path.count("."))  # a whole before its parts, however they are written
        document: dict[str, Any] = _copy(self.spec)
        for target, value in values:
            if not target.made:
                _put(document, target.path, value)
        spec = spec_from_document(document)
        if not any(target.made for target, _ in values):
            return spec
        whole = spec.model_dump(mode="json")
        for target, value in values:
            if target.made:
                _put(whole, target.path, value)
        return experiment_from_document(whole)

    def target(self, name: str) -> Target | None:
        """The field of that name, if there is one."""
        if name not in self.known:
            self.known[name] = self._target(name)
        return self.known[name]

    def _target(self, name: str) -> Target | None:
        if name == SEED:
            return Target("seeds")
        if name == MITIGATION:
            return Target(MITIGATION if self.form else f"phase2.{MITIGATION}")
        if self.form is not None and has_path(self.form, name):
            return Target(name)
        return Target(name, made=self.form is not None) if has_path(ExperimentSpec, name) else None

    def _values(self, name: str, value: Any) -> Iterator[tuple[Target, Any]]:
        """What one coordinate sets."""
        target = self.target(name)
        if target is not None:
            yield target, [value] if name == SEED else value
            return
        for path, one in value.items():
            if path != LABEL:
                yield from self._values(path, one)

    def _several(self, name: str, values: Sequence[Any]) -> bool:
        """Whether the values set several fields each: mappings with a path among their keys."""
        if "." in name or not all(isinstance(value, Mapping) for value in values):
            return False
        return any(self.target(path) is not None for value in values for path in value)

    def _faults(self, place: str, name: str, values: Sequence[Any]) -> Iterator[Fault]:
        if self.target(name) is not None:
            return
        if not self._several(name, values):
            yield self._nowhere(place, name)
            return
        for number, value in enumerate(values):
            label = value.get(LABEL, "")
            if not isinstance(label, str):
                yield Fault(path=f"{place}[{number}].{LABEL}", given=str(label)[:SHOWN], expected="text")
            for path in value:
                if path != LABEL and self.target(path) is None:
                    yield self._nowhere(f"{place}[{number}].{path}", path)

    def _nowhere(self, place: str, name: str) -> Fault:
        own = difflib.get_close_matches(name[:SHOWN], (SEED, MITIGATION), n=1)
        models: list[type[BaseModel]] = [ExperimentSpec] if self.form is None else [self.form, ExperimentSpec]
        expected = f"did you mean {own[0]}?" if own else meant(name, models)
        return Fault(path=place[: 2 * SHOWN], given="no such field", expected=expected)

    def _twice(self, matrix: MatrixSpec) -> Iterator[Fault]:
        """An axis whose field another axis sets as well."""
        owners: dict[Target, str] = {}
        for name, values in matrix.axes.items():
            for target in {target for value in values for target, _ in self._values(name, value)}:
                if owners.setdefault(target, name) != name:
                    expected = f"a field that the axis {owners[target][:SHOWN]} does not set"
                    yield Fault(path=f"axes.{name[:SHOWN]}", given=target.path[:SHOWN], expected=expected)


def _copy(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: _copy(one) for key, one in value.items()}
    return [_copy(one) for one in value] if isinstance(value, list | tuple) else value


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set what a path names. Fields that are missing on the way are made; elements of lists have to be there."""
    steps = path.split(".")
    place: Any = document
    for number, step in enumerate(steps):
        key: Any = step
        if isinstance(place, list) or step.isdecimal():
            key = _element(place, steps[: number + 1])
        if number == len(steps) - 1:
            place[key] = _copy(value)
            return
        inner = place[key] if isinstance(place, list) else place.get(key)
        if not isinstance(inner, dict | list):
            inner = place[key] = {}
        place = inner


def _element(place: Any, steps: list[str]) -> int:
    """The place in a list that the last step names."""
    size = len(place) if isinstance(place, list) else 0
    if not steps[-1].isdecimal() or int(steps[-1]) >= size:
        expected = f"an element that is there: the list in the matrix's spec has {size}"
        raise SpecRefused([Fault(path=".".join(steps), given=f"no element {steps[-1]}", expected=expected)])
    return int(steps[-1])
