"""From a matrix's document to the specs of its cells."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cftray.errors import Fault, SpecRefused
from cftray.plan import canonical
from cftray.recipes.catalogue import spec_from_document
from cftray.spec import ExperimentSpec, faults_of, label_of
from cftray.spec.matrix import MITIGATION, MOST_CELLS, SEED, Coordinates, MatrixSpec

ROW_LENGTH = 256
PLAIN = "P2"
"""The row of a phase 2 without mitigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One experiment of a matrix. Cells with the same `row` are replicas, told apart by their seed."""

    row: str
    coordinates: Coordinates
    spec: ExperimentSpec


def matrix_from_document(document: dict[str, Any]) -> MatrixSpec:
    """A checked matrix, its cells not looked at yet. Raises SpecRefused with every fault."""
    try:
        matrix = MatrixSpec.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise SpecRefused(faults_of(error, MatrixSpec)) from error
    count = sum(1 for _ in matrix.coordinates())
    if count > MOST_CELLS:
        raise SpecRefused([Fault(path="axes", given=f"{count} cells", expected=f"at most {MOST_CELLS}")])
    return matrix


def cells_of(matrix: MatrixSpec) -> list[Cell]:
    """The cells in order. Raises SpecRefused with every fault of every cell, each once."""
    cells: list[Cell] = []
    faults: dict[tuple[str, str], Fault] = {}
    seen: dict[str, str] = {}
    rows: dict[str, str] = {}
    for coordinates in matrix.coordinates():
        try:
            spec = spec_from_document(matrix.document(coordinates))
        except SpecRefused as refused:
            faults |= {(fault.path, fault.given): in_cell(fault, coordinates) for fault in refused.faults}
            continue
        row = _own_row(row_of(coordinates, spec), coordinates, rows)
        key = canonical(spec.model_copy(update={"name": matrix.name, "project": matrix.name, "labels": ()}))
        if key in seen:
            given = row if row == seen[key] else f"{seen[key]} and {row}"
            faults[key, ""] = Fault(path="cells", given=f"{given}: one experiment twice", expected="cells that differ")
        seen[key] = row
        cells.append(Cell(row=row, coordinates=coordinates, spec=_named(matrix, row, spec)))
    if faults:
        raise SpecRefused(list(faults.values()))
    return cells


def row_of(coordinates: Coordinates, spec: ExperimentSpec) -> str:
    """What a row is called: the mitigation's name behind the values of the other axes."""
    others = [_short(value) for name, value in coordinates.items() if name not in (SEED, MITIGATION)]
    label = label_of(spec.phase2.mitigation)
    name = PLAIN if label == "none" else label
    mitigated = MITIGATION in coordinates or label != "none"
    if (mitigated and name not in others) or not others:
        others.append(name)
    return " · ".join(others)[:ROW_LENGTH]


def _own_row(row: str, coordinates: Coordinates, rows: dict[str, str]) -> str:
    """The row, numbered where cells that differ in more than the seed would have the same; kept in `rows`."""
    key = json.dumps({name: value for name, value in coordinates.items() if name != SEED}, sort_keys=True)
    number, own = 1, row
    while rows.setdefault(own, key) != key:
        number += 1
        own = f"{row} #{number}"
    return own


def in_cell(fault: Fault, coordinates: Coordinates) -> Fault:
    """The fault with the cell that it was found in."""
    where = ", ".join(f"{name} {_short(value)}" for name, value in coordinates.items())
    return Fault(path=f"{fault.path} ({where})" if where else fault.path, given=fault.given, expected=fault.expected)


def _named(matrix: MatrixSpec, row: str, spec: ExperimentSpec) -> ExperimentSpec:
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", row).strip("-")
    seeds = "-".join(str(seed) for seed in spec.seeds)
    return spec.model_copy(update={"name": f"{matrix.name}.{slug}.s{seeds}"[:128]})


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind", json.dumps(value)))[:40]
    return str(value)[:40]
