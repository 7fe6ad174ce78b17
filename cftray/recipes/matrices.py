"""From a matrix's document to the specs of its cells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from cftray.errors import Fault, SpecRefused
from cftray.recipes.matrix_places import LABEL, Places
from cftray.spec import ExperimentSpec, faults_of, label_of
from cftray.spec.base import SpecModel
from cftray.spec.matrix import MITIGATION, MOST_CELLS, SEED, Coordinates, MatrixAddition, MatrixSpec

ROW_LENGTH = 256
NAME_LENGTH = 128
SHORT = 40
"""Characters of one value in a row's name."""
MOST_FAULTS = 50
"""Faults that are told; a thousand cells can have thousands."""
PLAIN = "P2"
"""The row of a phase 2 without mitigation."""
NAMED_BY_MITIGATION = (SEED, "seeds", MITIGATION, f"phase2.{MITIGATION}")

Asked = TypeVar("Asked", bound=SpecModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One experiment of a matrix. Cells with the same `row` are replicas, told apart by their seed.

    `identity` is equal for cells that are one experiment under two names.
    """

    row: str
    coordinates: Coordinates
    spec: ExperimentSpec
    identity: ExperimentSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCell:
    """A cell that is stored already, under whatever id the caller has for it."""

    row: str
    coordinates: Coordinates
    identity: ExperimentSpec


def matrix_from_document(document: dict[str, Any]) -> MatrixSpec:
    """A checked matrix, its cells not looked at yet. Raises SpecRefused with every fault."""
    matrix = _read(document, MatrixSpec)
    _refuse_unless(matrix)
    return matrix


def addition_from_document(document: dict[str, Any]) -> MatrixAddition:
    """What a matrix gets more of, not held against the matrix yet. Raises SpecRefused with every fault."""
    return _read(document, MatrixAddition)


def cells_of(matrix: MatrixSpec) -> list[Cell]:
    """The cells in order. Raises SpecRefused with every fault of every cell, each once."""
    cells: dict[ExperimentSpec, Cell] = {}
    twice: list[Fault] = []
    for cell in _cells(matrix, {}, {}):
        same = cells.setdefault(cell.identity, cell)
        if same is not cell:
            given = cell.row if cell.row == same.row else f"{same.row} and {cell.row}"
            twice.append(Fault(path="cells", given=f"{given}: one experiment twice", expected="cells that differ"))
    refuse(twice)
    return list(cells.values())


def cells_with_more(matrix: MatrixSpec, more: MatrixAddition, known: Iterable[KnownCell]) -> list[Cell]:
    """The cells that `matrix` has once it has `more`, each once; those that are `known` keep their rows.

    Raises SpecRefused: for an axis that the matrix does not vary, for more cells than a matrix may have, and with every
    fault of every cell.
    """
    known = list(known)
    merged = matrix_with_more(matrix, more)
    _refuse_unless(merged)
    rows = {cell.row: _key(cell.coordinates) for cell in known}
    cells: dict[ExperimentSpec, Cell] = {}
    for cell in _cells(merged, rows, {cell.identity: cell.row for cell in known}):
        cells.setdefault(cell.identity, cell)
    new = cells.keys() - {cell.identity for cell in known}
    if len(known) + len(new) > MOST_CELLS:
        given = f"{len(new):,} new cells beside {len(known):,}"
        expected = f"at most {MOST_CELLS:,} in all; begin a new matrix"
        raise SpecRefused([Fault(path="axes", given=given, expected=expected)])
    return list(cells.values())


def matrix_with_more(matrix: MatrixSpec, more: MatrixAddition) -> MatrixSpec:
    """The matrix as if `more` had been in it from the start. Raises SpecRefused for an axis that it does not vary."""
    refuse(_new_axes(matrix, more))
    return matrix.with_more(more, _seeds(matrix, Places(matrix.spec)) if SEED in more.axes else ())


def grown(matrix: MatrixSpec, more: MatrixAddition) -> MatrixSpec:
    """`matrix_with_more` as it can be submitted by itself: what several of its parts make is in one of them alone.

    Raises SpecRefused where a cell can't be.
    """
    merged = matrix_with_more(matrix, more)
    places = Places(merged.spec)
    made = [{identity_of(places.spec_at(one)): one for one in merged.of_cell(cell)} for cell in merged.cells]
    seen = {identity_of(places.spec_at(one)) for one in merged.of_axes()}
    left = list(range(len(made)))
    for place in range(len(made)):
        if made[place].keys() <= seen.union(*(made[other] for other in left if other != place)):
            left.remove(place)
    cells: list[Mapping[str, Any]] = []
    for place in left:
        new = [one for identity, one in made[place].items() if identity not in seen]
        cells += [merged.cells[place]] if len(new) == len(made[place]) else new
        seen |= made[place].keys()
    return merged.model_copy(update={"cells": tuple(cells)})


def identity_of(spec: ExperimentSpec) -> ExperimentSpec:
    """What an experiment is, whatever it is called."""
    return spec.model_copy(update={"name": "cell", "project": "cell", "labels": ()})


def refuse(faults: Iterable[Fault]) -> None:
    """Raises SpecRefused where there are some, of very many the first ones and their number."""
    found = list(faults)
    if len(found) > MOST_FAULTS:
        rest = Fault(path="…", given=f"{len(found) - MOST_FAULTS:,} more", expected="see the ones above")
        found = [*found[:MOST_FAULTS], rest]
    if found:
        raise SpecRefused(found)


def in_cell(fault: Fault, coordinates: Coordinates) -> Fault:
    """The fault with the cell that it was found in."""
    where = ", ".join(f"{name} {_short(value)}" for name, value in coordinates.items())
    return Fault(path=f"{fault.path} ({where})" if where else fault.path, given=fault.given, expected=fault.expected)


def row_of(coordinates: Coordinates, spec: ExperimentSpec) -> str:
    """What a row is called: the mitigation's name behind the values of the other axes."""
    others = [_told(name, value) for name, value in coordinates.items() if name not in NAMED_BY_MITIGATION]
    label = label_of(spec.phase2.mitigation)
    name = PLAIN if label == "none" else label
    mitigated = any(one in coordinates for one in NAMED_BY_MITIGATION[2:]) or label != "none"
    if (mitigated and name not in others) or not others:
        others.append(name)
    return " · ".join(others)[:ROW_LENGTH]


def _read(document: dict[str, Any], kind: type[Asked]) -> Asked:
    try:
        return kind.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise SpecRefused(faults_of(error, kind)) from error


def _refuse_unless(matrix: MatrixSpec) -> None:
    """Raises SpecRefused for too many cells, told from the axes' lengths, and for names that lead nowhere."""
    if matrix.count > MOST_CELLS:
        lengths = " × ".join(f"{len(values):,}" for values in matrix.axes.values())
        told = f"{matrix.count:,} cells" + (f" (axes {lengths}; {len(matrix.cells):,} extra)" if lengths else "")
        expected = f"at most {MOST_CELLS:,}; leave out values, or make several matrices: they share stages as well"
        raise SpecRefused([Fault(path="axes" if matrix.axes else "cells", given=told, expected=expected)])
    refuse(Places(matrix.spec).faults(matrix))


def _new_axes(matrix: MatrixSpec, more: MatrixAddition) -> Iterator[Fault]:
    has = ", ".join(name for name in matrix.axes if name != SEED)
    for name in more.axes:
        if name not in matrix.axes and name != SEED:
            expected = f"an axis of the matrix ({', '.join(filter(None, (has, SEED)))}), or cells: [{{path: value}}]"
            yield Fault(path=f"axes.{name[:80]}", given="no axis of this matrix", expected=expected)


def _seeds(matrix: MatrixSpec, places: Places) -> tuple[int, ...]:
    """The seed of cells that were given none. Raises SpecRefused where they have several: these are replicas within
    one experiment, and a seed more is none of them."""
    if SEED in matrix.axes:
        return ()
    seeds = places.spec_at(next(matrix.coordinates())).seeds
    if len(seeds) > 1:
        given = f"cells with seeds {', '.join(map(str, seeds))} in one experiment each"
        raise SpecRefused([Fault(path=f"axes.{SEED}", given=given, expected="cells: [{seeds: [new ones]}]")])
    return seeds


def _cells(matrix: MatrixSpec, rows: dict[str, str], known: Mapping[ExperimentSpec, str]) -> Iterator[Cell]:
    """The cells in order; those `known` by identity have the row given there. Raises SpecRefused with every fault."""
    places = Places(matrix.spec)
    faults: dict[tuple[str, str], Fault] = {}
    cells: list[Cell] = []
    for coordinates in matrix.coordinates():
        try:
            spec = places.spec_at(coordinates)
        except SpecRefused as refused:
            for fault in refused.faults:
                faults.setdefault((fault.path, fault.given), in_cell(fault, coordinates))
            continue
        identity = identity_of(spec)
        row = known.get(identity) or _own_row(row_of(coordinates, spec), coordinates, rows)
        cells.append(Cell(row=row, coordinates=coordinates, spec=_named(matrix, row, spec), identity=identity))
    refuse(faults.values())
    yield from cells


def _key(coordinates: Coordinates) -> str:
    """What replicas have in common."""
    return json.dumps({name: value for name, value in coordinates.items() if name != SEED}, sort_keys=True)


def _own_row(row: str, coordinates: Coordinates, rows: dict[str, str]) -> str:
    """The row, numbered where cells that differ in more than the seed would have the same; kept in `rows`."""
    key = _key(coordinates)
    number, own = 1, row
    while rows.setdefault(own, key) != key:
        number += 1
        own = f"{row} #{number}"
    return own


def _named(matrix: MatrixSpec, row: str, spec: ExperimentSpec) -> ExperimentSpec:
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", row).strip("-")
    seeds = f".s{'-'.join(str(seed) for seed in spec.seeds)}"[:NAME_LENGTH]
    return spec.model_copy(update={"name": f"{matrix.name}.{slug}"[: NAME_LENGTH - len(seeds)] + seeds})


def _told(name: str, value: Any) -> str:
    """A coordinate in a row's name. A number says nothing without its field's name; a word does."""
    told = _short(value)
    return f"{name.rpartition('.')[2]} {told}" if value is None or isinstance(value, int | float) else told


def _short(value: Any) -> str:
    """A value in few words: a label, a kind, the end of a path or of a hub id."""
    told = str(value)
    match value:
        case {"label": str(label)} if label:
            told = label
        case {"kind": kind}:
            told = str(kind)
        case dict():
            told = "+".join(_told(str(key), one) for key, one in value.items() if key != LABEL)
        case list() | tuple():
            told = ",".join(_short(one) for one in value)
        case float():
            told = f"{value:g}"
        case str():
            told = value.rstrip("/").rpartition("/")[2] or value
    return told[:SHORT]
