"""The paper's tables as matrices, at full scale and as miniatures: which cells there are is read from its own rows.

    table    rows                                            cells
    1, C1    task ability of both phases                     phase-wise data sets
    C2       language ability of both phases                 all of them together
    C3–C5    a benchmark of language ability by language     as C2's
    D1       mitigations                                     phase 2's set and strategy, after Instruct

Cells share what they have in common, so tables of the same data cost their stages once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from cftray.data.published import PLAIN, PaperKey, printed_tables
from cftray.errors import CFTRayError, SpecRefused
from cftray.recipes.mini import Pair
from cftray.recipes.open_choices import OpenChoices
from cftray.recipes.paper import PaperModel, Strategy, mitigation_of
from cftray.spec import faults_of

TABLES: Final = tuple(printed_tables())
PAIRS: Final = {
    ("alpaca", "multialpaca"): Pair.SIMILAR,
    ("instruct", "multialpaca"): Pair.DISSIMILAR,
    ("openorca", "mopenorca"): Pair.OPENORCA_SIMILAR,
    ("instruct", "mopenorca"): Pair.OPENORCA_DISSIMILAR,
}
"""The miniature's counterparts of the paper's phase-wise data sets."""

Document = dict[str, Any]


class UnknownTable(CFTRayError):
    """A table that the paper does not have."""

    code = "unknown-table"


def table_keys(table: str, model: PaperModel | None = None) -> tuple[PaperKey, ...]:
    """The phases 2 of a table, of one model or of both. Raises UnknownTable."""
    if table not in TABLES:
        raise UnknownTable(f"table {table}: the paper has {', '.join(TABLES)}")
    return tuple(key for key in printed_tables()[table].rows() if model is None or key.model == model)


def choices_of(settings: Mapping[str, Any]) -> OpenChoices:
    """Open choices from their values by name. Raises SpecRefused with every fault."""
    try:
        return OpenChoices.model_validate_json(json.dumps(settings, default=str))
    except ValidationError as error:
        raise SpecRefused(faults_of(error, OpenChoices)) from error


def paper_table(
    table: str, model: PaperModel | str | None = None, choices: OpenChoices | None = None, *, name: str | None = None
) -> Document:
    """A table at full scale as a matrix's document; `model` leaves out the other model's rows. Raises UnknownTable."""
    model = None if model is None else PaperModel(model)
    chosen = choices or OpenChoices()
    cells = [
        {"base_model": key.model, "phase1": key.phase1, "phase2": key.phase2, "strategy": key.strategy}
        for key in table_keys(table, model)
    ]
    told = chosen.model_dump(mode="json", exclude_defaults=True, exclude={"seeds"})
    slug = f"paper-{table}" + (f"-{model}" if model else "")
    return _matrix(name or slug, {"recipe": "paper", **told}, cells, chosen.seeds)


def mini_table(table: str, seeds: Sequence[int] = (17,), *, name: str | None = None) -> Document:
    """A table at the miniature's scale; there is one model, so the paper's rows of both become one. Raises
    UnknownTable."""
    plain = OpenChoices()
    keys = dict.fromkeys((PAIRS[key.phase1, key.phase2], key.strategy) for key in table_keys(table))
    cells: list[Document] = [{"pair": str(pair)} for pair, _ in keys]
    if any(strategy != PLAIN for _, strategy in keys):
        mitigations = [mitigation_of(Strategy(strategy), plain).model_dump(mode="json") for _, strategy in keys]
        cells = [cell | {"mitigation": one} for cell, one in zip(cells, mitigations, strict=True)]
    return _matrix(name or f"mini-{table}", {"recipe": "mini"}, cells, tuple(seeds))


def _matrix(name: str, spec: Document, cells: list[Document], seeds: Sequence[int]) -> Document:
    """What all cells have in common stands in the spec, the rest in the cells."""
    common = {path: value for path, value in cells[0].items() if all(cell[path] == value for cell in cells)}
    apart = [{path: value for path, value in cell.items() if path not in common} for cell in cells]
    common = {path: value for path, value in common.items() if (path, value) != ("strategy", PLAIN)}
    document: Document = {"name": name, "spec": spec | common, "axes": {"seed": list(seeds)}}
    return document | ({"cells": apart} if len(apart) > 1 else {})
