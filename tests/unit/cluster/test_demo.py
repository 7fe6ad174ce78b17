"""A demonstration that was cut goes on with the matrix it left open."""

from __future__ import annotations

from typing import Any

import pytest

from cftray.client import Matrix
from cftray.recipes import cells_of, demo_matrix, matrix_from_document
from cluster.demo import _left_open, _name


def stored(asked: dict[str, Any], identifier: str, *, terminal: bool) -> dict[str, Any]:
    cells = [{"row": one.row, "coordinates": one.coordinates} for one in cells_of(matrix_from_document(asked))]
    return {"id": identifier, "name": asked["name"], "terminal": terminal, "counts": {}, "cells": cells}


class Service:
    """What the API would say of the matrices it has, the newest first."""

    def __init__(self, *views: dict[str, Any]) -> None:
        self.views = views

    def ask(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path.partition("?")[0]) == ("GET", "/v1/matrices")
        return {"data": [{key: view[key] for key in view if key != "cells"} for view in self.views]}

    def get_matrix(self, identifier: str) -> Matrix:
        return Matrix(self, next(view for view in self.views if view["id"] == identifier))  # type: ignore[arg-type]


@pytest.fixture
def asked() -> dict[str, Any]:
    return demo_matrix(whole=False, seeds=(17, 18))


def found(asked: dict[str, Any], *views: dict[str, Any]) -> str | None:
    matrix = _left_open(Service(*views), asked)  # type: ignore[arg-type]
    return None if matrix is None else matrix.id


def test_the_newest_open_matrix_of_the_same_cells_goes_on(asked: dict[str, Any]) -> None:
    over, opened = stored(asked, "mat_over", terminal=True), stored(asked, "mat_open", terminal=False)
    assert found(asked, over, opened) == "mat_open"


def test_a_matrix_that_is_over_is_asked_for_anew(asked: dict[str, Any]) -> None:
    assert found(asked, stored(asked, "mat_over", terminal=True)) is None


def test_an_open_matrix_of_other_cells_or_another_name_is_left_alone(asked: dict[str, Any]) -> None:
    fewer = stored(demo_matrix(whole=False, seeds=(17,)), "mat_fewer", terminal=False)
    renamed = stored(asked | {"name": "mine"}, "mat_mine", terminal=False)
    assert found(asked, fewer, renamed) is None


@pytest.mark.parametrize(
    ("seeds", "whole", "name"),
    [
        ([17], False, "demo"),
        ([17], True, "demo-all"),
        ([17, 18], True, "demo-all-seeds"),
        ([1, 2], False, "demo-seeds"),
    ],
)
def test_the_name_tells_what_is_in_it(seeds: list[int], whole: bool, name: str) -> None:
    assert _name(seeds, whole=whole) == name
