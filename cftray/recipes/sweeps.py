"""From a sweep's document to its trials: which values each has, and the experiment that it is."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cftray.errors import Fault, SpecRefused
from cftray.recipes.catalogue import spec_from_document
from cftray.recipes.matrices import identity_of, in_cell, refuse
from cftray.recipes.matrix_places import Places
from cftray.spec import ExperimentSpec, faults_of
from cftray.spec.matrix import MITIGATION
from cftray.spec.sweep import MOST_TRIALS, Dimension, Range, SweepSpec

PHASE_2 = "phase2."
VAIN_DRAWS = 200
"""Draws in a row that bring nothing new before a space is taken for exhausted."""

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSpec:
    """A trial, from 1: its value of each setting, and the experiment that it is when it is trained to its end."""

    number: int
    values: Values
    spec: ExperimentSpec


def sweep_from_document(document: dict[str, Any]) -> SweepSpec:
    """A checked sweep whose trials can be expanded. Raises SpecRefused with every fault."""
    whole = dict(document)
    if isinstance(whole.get("spec"), Mapping):
        try:
            spec = spec_from_document(dict(whole["spec"]))
            whole = {"project": spec.project, **whole, "spec": spec.model_dump(mode="json")}
        except SpecRefused as refused:
            raise SpecRefused(_under_spec(refused)) from refused
    try:
        sweep = SweepSpec.model_validate_json(json.dumps(whole, default=str))
    except ValidationError as error:
        raise SpecRefused(faults_of(error, SweepSpec)) from error
    refuse(_faults(sweep))
    trials_of(sweep)
    return sweep


def trials_of(sweep: SweepSpec) -> list[TrialSpec]:
    """The trials in order, the same every time. Raises SpecRefused with every fault of every trial, each once."""
    places = Places(sweep.spec.model_dump(mode="json"))
    trials: list[TrialSpec] = []
    known: dict[ExperimentSpec, int] = {}
    faults: dict[tuple[str, str], Fault] = {}
    for number, values in enumerate(_values(sweep), 1):
        try:
            spec = places.spec_at(values)
        except SpecRefused as refused:
            for fault in refused.faults:
                faults.setdefault((fault.path, fault.given), in_cell(fault, values))
            continue
        same = known.setdefault(identity_of(spec), number)
        if same != number:
            given = f"trials {same} and {number} are one experiment"
            faults.setdefault(("space", ""), Fault(path="space", given=given, expected="values that differ"))
        named = spec.model_copy(update={"name": f"{sweep.name[:118]}.trial-{number}", "project": sweep.project})
        trials.append(TrialSpec(number=number, values=values, spec=named))
    refuse(faults.values())
    return trials


def _under_spec(refused: SpecRefused) -> list[Fault]:
    return [Fault(path=f"spec.{one.path}", given=one.given, expected=one.expected) for one in refused.faults]


def _faults(sweep: SweepSpec) -> Iterator[Fault]:
    places = Places(sweep.spec.model_dump(mode="json"))
    for name in sweep.space:
        if name != MITIGATION and not name.startswith(PHASE_2):
            expected = "a field of phase 2 (phase2.…, mitigation): trials share one P1; a matrix varies more"
            yield Fault(path=f"space.{name[:80]}", given="no setting of phase 2", expected=expected)
        else:
            yield from places.field_faults(f"space.{name}", name)
    for name, other in itertools.combinations(sorted(sweep.space), 2):
        if places.target(name) is not None and places.target(name) == places.target(other):
            expected = f"one of {name} and {other}: they are one field"
            yield Fault(path=f"space.{other[:80]}", given="given twice", expected=expected)
    drawn = [name for name, one in sweep.space.items() if isinstance(one, Range) and one.integers is None]
    for name, one in sweep.space.items():
        if not isinstance(one, Range):
            for place in _alike([list(one)])[:1]:
                given = f"{_key(one[place])[:80]} twice"
                yield Fault(path=f"space.{name[:80]}", given=given, expected="values that differ")
    combinations = _combinations(sweep.space)
    if sweep.trials is None and drawn:
        expected = f"how many are drawn, up to {MOST_TRIALS}: there is no end of combinations of {', '.join(drawn)}"
        yield Fault(path="trials", given="null", expected=expected)
    elif sweep.trials is None and combinations > MOST_TRIALS:
        expected = f"trials: how many of them are drawn; at most {MOST_TRIALS} are tried"
        yield Fault(path="space", given=f"{combinations:,} combinations", expected=expected)
    elif not drawn and sweep.trials is not None and sweep.trials > combinations:
        expected = f"at most {combinations}: the lists have no more combinations; null tries them all"
        yield Fault(path="trials", given=str(sweep.trials), expected=expected)


def _combinations(space: Mapping[str, Dimension]) -> int:
    """Of lists and integers; real numbers, of which there is no end, left out."""
    return math.prod(_count(one) for one in space.values())


def _count(dimension: Dimension) -> int:
    if not isinstance(dimension, Range):
        return len(dimension)
    return dimension.integers[1] - dimension.integers[0] + 1 if dimension.integers else 1


def _values(sweep: SweepSpec) -> list[Values]:
    """The values of each trial. Settings are taken in the order of their names: a stored document's order is lost."""
    names = sorted(sweep.space)
    if sweep.trials is None:
        lists = [_every(sweep.space[name]) for name in names]
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*lists)]
    source = random.Random(sweep.seed)
    columns = [_column(sweep.space[name], sweep.trials, source) for name in names]
    _told_apart(columns, source)
    found: dict[str, Values] = {}
    for values in zip(*columns, strict=True):
        _keep(found, dict(zip(names, values, strict=True)))
    vain = 0
    while len(found) < sweep.trials and vain < VAIN_DRAWS:
        new = _keep(found, {name: _at(sweep.space[name], source.random()) for name in names})
        vain = 0 if new else vain + 1
    if len(found) < sweep.trials:  # so few are left that nearly all there are are found
        _fill(found, sweep)
    if len(found) < sweep.trials:
        expected = f"at most {len(found)}: the space has no more combinations"
        raise SpecRefused([Fault(path="trials", given=str(sweep.trials), expected=expected)])
    return list(found.values())


def _told_apart(columns: list[list[Any]], source: random.Random) -> None:
    """Trials that came out alike exchange values of a setting with others, so that each value stays as frequent as it
    is; as far as a number of tries goes."""
    rows = len(columns[0])
    for _ in range(VAIN_DRAWS):
        alike = _alike(columns)
        if not alike:
            return
        column, one, other = source.choice(columns), alike[0], source.randrange(rows)
        column[one], column[other] = column[other], column[one]
        if len(_alike(columns)) > len(alike):
            column[one], column[other] = column[other], column[one]


def _alike(columns: list[list[Any]]) -> list[int]:
    """Places of trials that stand further up already."""
    seen: set[str] = set()
    found = []
    for place, values in enumerate(zip(*columns, strict=True)):
        key = _key(values)
        if key in seen:
            found.append(place)
        seen.add(key)
    return found


def _fill(found: dict[str, Values], sweep: SweepSpec) -> None:
    """Add combinations in their order until there are enough, or no more."""
    names = sorted(sweep.space)
    for values in itertools.product(*(_every(sweep.space[name]) for name in names)):
        _keep(found, dict(zip(names, values, strict=True)))
        if len(found) == sweep.trials:
            return


def _column(dimension: Dimension, trials: int, source: random.Random) -> list[Any]:
    """One setting's value in each trial: one from each of so many equal parts of it, in a random order (Latin hypercube
    sampling; McKay, Beckman and Conover, 1979), so that few trials cover a list or a range evenly."""
    parts = list(range(trials))
    source.shuffle(parts)
    return [_at(dimension, (part + source.random()) / trials) for part in parts]


def _at(dimension: Dimension, place: float) -> Any:
    return dimension.at(place) if isinstance(dimension, Range) else dimension[int(place * len(dimension))]


def _every(dimension: Dimension) -> Sequence[Any]:
    """Every value of a list or of a range of integers; none of a range of real numbers, which has no end of them."""
    if not isinstance(dimension, Range):
        return dimension
    return range(dimension.integers[0], dimension.integers[1] + 1) if dimension.integers else ()


def _keep(found: dict[str, Values], values: Values) -> bool:
    """Whether such a trial was not there yet."""
    key = _key(values)
    new = key not in found
    found.setdefault(key, values)
    return new


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
