"""A matrix becomes cells: fields by their paths, several at once, and more of them later."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.errors import SpecRefused
from cftray.recipes import (
    Cell,
    KnownCell,
    addition_from_document,
    cells_of,
    cells_with_more,
    grown,
    matrix_from_document,
    mini,
)

GR = {"kind": "generative_replay", "ratio": 0.1}
SHORT = {"recipe": "mini", "pair": "dissimilar"}
WHOLE = mini("dissimilar").model_dump(mode="json")


def expanded(spec: dict[str, Any], axes: dict[str, Any], cells: list[dict[str, Any]] | None = None) -> list[Cell]:
    return cells_of(matrix_from_document({"name": "m", "spec": spec, "axes": axes, "cells": cells or []}))


def refused(spec: dict[str, Any], axes: dict[str, Any], cells: list[dict[str, Any]] | None = None) -> dict[str, str]:
    with pytest.raises(SpecRefused) as error:
        expanded(spec, axes, cells)
    return {fault.path: fault.expected for fault in error.value.faults}


@pytest.mark.parametrize("spec", [SHORT, WHOLE])
def test_a_field_of_the_experiment_is_an_axis_whatever_form_the_spec_has(spec: dict[str, Any]) -> None:
    cells = expanded(spec, {"phase2.hyperparameters.learning_rate": [1e-4, 2e-4], "mitigation": [{"kind": "none"}, GR]})
    assert [cell.spec.phase2.hyperparameters.learning_rate for cell in cells] == [1e-4, 1e-4, 2e-4, 2e-4]
    assert [cell.row for cell in cells] == [
        "learning_rate 0.0001 · P2", "learning_rate 0.0001 · GR_10", "learning_rate 0.0002 · P2",
        "learning_rate 0.0002 · GR_10",
    ]  # fmt: skip


def test_a_field_inside_a_union_and_an_element_of_a_list_are_axes() -> None:
    ratios = expanded(WHOLE | {"phase2": WHOLE["phase2"] | {"mitigation": GR}}, {"phase2.mitigation.ratio": [0.1, 0.2]})
    assert [cell.row for cell in ratios] == ["ratio 0.1 · GR_10", "ratio 0.2 · GR_20"]
    parts = {"kind": "combined", "parts": [GR, {"kind": "lf_h1"}]}
    layers = expanded(SHORT | {"mitigation": parts}, {"phase2.mitigation.parts.1.k": [1, 2]})
    assert [cell.spec.phase2.mitigation.parts[1].k for cell in layers] == [1, 2]  # type: ignore[union-attr]


def test_an_element_that_is_not_there_is_refused() -> None:
    found = refused(SHORT, {"phase2.mitigation.parts.1.k": [1, 2]})
    assert "has 0" in found["phase2.mitigation.parts.1 (phase2.mitigation.parts.1.k 1)"]


def test_an_axis_may_set_several_fields_at_once() -> None:
    pairs = [
        {"label": "alike", "phase1.train.data.mini": "alpaca-mini", "phase2.data.mini": "multialpaca-mini"},
        {"phase1.train.data.mini": "openorca-mini", "phase2.data.mini": "multi-openorca-mini"},
    ]
    cells = expanded(WHOLE, {"phases": pairs, "seed": [1, 2]})
    assert [cell.row for cell in cells] == ["alike", "alike", *2 * ["openorca-mini+multi-openorca-mini"]]
    assert [cell.spec.phase2.data.source for cell in cells[1:3]] == ["multialpaca-mini", "multi-openorca-mini"]


def test_models_are_told_apart_by_the_end_of_their_names() -> None:
    cells = expanded(WHOLE, {"base": ["mini:base", {"model": "org/some-7b"}, {"model": "other/some-7b"}]})
    assert [cell.spec.base.model for cell in cells] == ["mini:base", "org/some-7b", "other/some-7b"]
    assert [cell.row for cell in cells] == ["mini:base", "some-7b", "some-7b #2"]


def test_a_whole_is_set_before_its_parts_in_whatever_order_they_are_named() -> None:
    data = [{"mini": "multialpaca-mini", "samples": 40}, {"mini": "multi-openorca-mini", "samples": 40}]
    cells = expanded(WHOLE, {"phase2.data.samples": [10, 20], "phase2.data": data})
    assert [(cell.spec.phase2.data.source, cell.spec.phase2.data.samples) for cell in cells] == [
        ("multialpaca-mini", 10), ("multi-openorca-mini", 10), ("multialpaca-mini", 20), ("multi-openorca-mini", 20),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("axes", "cells", "path", "expected"),
    [
        ({"phase2.hyperparameters.learning_rat": [1]}, [], "axes.phase2.hyperparameters.learning_rat",
         "did you mean phase2.hyperparameters.learning_rate?"),
        ({"mitigatoin": [GR]}, [], "axes.mitigatoin", "did you mean mitigation?"),
        ({"sead": [1]}, [], "axes.sead", "did you mean seed?"),
        ({"pear": ["similar"]}, [], "axes.pear", "did you mean pair?"),
        ({}, [{"pair": "similar"}, {"pear": "similar"}], "cells[1].pear", "did you mean pair?"),
        ({"both": [{"pair": "similar", "phase2.data.sample": 3}]}, [], "axes.both[0].phase2.data.sample",
         "did you mean phase2.data.samples?"),
        ({"both": [{"pair": "similar", "label": 3}]}, [], "axes.both[0].label", "text"),
        ({"pair": ["similar"], "both": [{"pair": "similar"}]}, [], "axes.both", "a field that the axis pair does not"),
    ],
)  # fmt: skip
def test_a_name_that_leads_nowhere_is_refused_with_the_one_that_was_meant(
    axes: dict[str, Any], cells: list[dict[str, Any]], path: str, expected: str
) -> None:
    found = refused({"recipe": "mini", "pair": "dissimilar"}, axes, cells)
    assert expected in found[path]


def test_a_recipe_that_is_not_there_is_named() -> None:
    assert "did you mean mini?" in refused({"recipe": "minni"}, {"seed": [1]})["spec.recipe"]


def test_too_many_cells_are_refused_by_their_number_without_making_them() -> None:
    axes = {name: list(range(1000)) for name in ("seed", "phase2.data.samples", "phase1.train.data.samples")}
    with pytest.raises(SpecRefused) as error:
        expanded(WHOLE, axes)
    (fault,) = error.value.faults
    assert fault.given == "1,000,000,000 cells (axes 1,000 × 1,000 × 1,000; 0 extra)"
    assert "at most 1,000" in fault.expected


@pytest.mark.parametrize(
    ("axes", "cells"),
    [
        ({}, []), ({"seed": [1, 2]}, []), ({"seed": [1, 2]}, [{"pair": "similar"}]), ({}, [{"pair": "similar"}]),
        ({"seed": [1, 2], "mitigation": [{"kind": "none"}, GR]}, [{"pair": "similar"}, {"pair": "similar", "seed": 9}]),
    ],
)  # fmt: skip
def test_cells_are_counted_as_they_are_made(axes: dict[str, Any], cells: list[dict[str, Any]]) -> None:
    matrix = matrix_from_document({"name": "m", "spec": SHORT, "axes": axes, "cells": cells})
    assert matrix.count == len(cells_of(matrix))


def test_very_many_faults_are_told_in_part() -> None:
    found = refused(WHOLE, {"phase2.data.samples": [-one for one in range(1, 101)]})
    assert len(found) == 51


def more(axes: dict[str, Any], cells: list[dict[str, Any]], document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Rows and seeds of what is new."""
    matrix = matrix_from_document({"name": "m", "spec": SHORT, "axes": axes, "cells": cells})
    known = [
        KnownCell(row=one.row, coordinates=one.coordinates, identity=one.identity) for one in cells_of(matrix)
    ]
    found = cells_with_more(matrix, addition_from_document(document), known)
    there = {one.identity for one in known}
    return [(one.row, one.spec.seeds) for one in found if one.identity not in there]


AXES = {"mitigation": [{"kind": "none"}, GR], "seed": [1, 2]}
LORA = {"mitigation": {"kind": "lora"}}


@pytest.mark.parametrize(
    ("axes", "cells", "additions", "kept"),
    [
        (AXES, [], [{"cells": [LORA]}, {"cells": [LORA]}], [LORA]),
        (AXES, [LORA], [{"axes": {"mitigation": [{"kind": "lora"}]}}], []),
        (AXES, [], [{"cells": [LORA | {"seed": 1}]}, {"cells": [LORA]}], [LORA]),
        (AXES, [], [{"cells": [LORA | {"seed": 1}]}, {"axes": {"seed": [3]}}], [LORA | {"seed": 1}]),
        (AXES, [], [{"cells": [LORA | {"seed": 9}]}, {"axes": {"mitigation": [{"kind": "lora"}], "seed": [9]}}], []),
        ({"seed": [1, 2]}, [], [{"cells": [LORA]}], [{}, LORA]),
        ({}, [], [{"cells": [LORA]}], [{}, LORA]),
    ],
)  # fmt: skip
def test_a_matrix_that_got_more_can_be_submitted_again_and_is_the_same_cells(
    axes: dict[str, Any], cells: list[dict[str, Any]], additions: list[dict[str, Any]], kept: list[dict[str, Any]]
) -> None:
    matrix = matrix_from_document({"name": "m", "spec": SHORT, "axes": axes, "cells": cells})
    there = {one.identity for one in cells_of(matrix)}
    for addition in map(addition_from_document, additions):
        there |= {one.identity for one in cells_with_more(matrix, addition, [])}
        matrix = grown(matrix, addition)
    assert list(matrix.cells) == kept
    again = cells_of(matrix_from_document(matrix.model_dump(mode="json")))
    assert {one.identity for one in again} == there


def test_a_new_seed_is_a_replica_of_every_cell() -> None:
    new = more(AXES, [{"pair": "similar"}], {"axes": {"seed": [2, 3]}})
    assert new == [("similar", (3,)), ("P2", (3,)), ("GR_10", (3,))]


def test_a_new_mitigation_is_a_row_over_every_seed() -> None:
    assert more(AXES, [], {"axes": {"mitigation": [GR, {"kind": "lora"}]}}) == [("LoRA", (1,)), ("LoRA", (2,))]


def test_cells_are_added_over_every_seed_and_those_that_are_there_are_left() -> None:
    document = {"cells": [{"pair": "similar"}, {"mitigation": GR}, {"pair": "similar", "seed": 9}]}
    assert more(AXES, [], document) == [("similar", (1,)), ("similar", (2,)), ("similar", (9,))]


def test_cells_without_seeds_of_their_own_have_the_spec_s_and_get_more() -> None:
    assert more({"mitigation": [{"kind": "none"}, GR]}, [], {"axes": {"seed": [17, 18]}}) == [
        ("P2", (18,)), ("GR_10", (18,)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ({"axes": {"pair": ["similar"]}}, "axes.pair", "an axis of the matrix (mitigation, seed)"),
        ({"cells": [{"pear": "similar"}]}, "cells[0].pear", "did you mean pair?"),
        ({}, "$", "give axes"),
        ({"axes": {"seed": list(range(900))}}, "axes", "at most 1,000"),
    ],
)
def test_an_addition_that_does_not_fit_is_refused(document: dict[str, Any], path: str, expected: str) -> None:
    with pytest.raises(SpecRefused) as error:
        more(AXES, [], document)
    assert expected in {fault.path: fault.expected for fault in error.value.faults}[path]
