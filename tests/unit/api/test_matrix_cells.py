"""A matrix gets more cells, and its cells are begun with the longest chain first."""

from __future__ import annotations

from typing import Any

import pytest

from api.experiments.repository import ExperimentRepository
from api.reconciler.turns import Turns
from tests.unit.api.conftest import World
from tests.unit.api.test_matrices import GR, MATRIX, post


def add(world: World, identifier: str, more: dict[str, Any], status: int = 201) -> dict[str, Any]:
    answer = world.client.post(f"/v1/matrices/{identifier}/cells", json=more)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def names(view: dict[str, Any]) -> list[str]:
    return [cell["name"].removeprefix("forgetting.") for cell in view["cells"]]


def test_a_seed_more_is_a_replica_of_every_row_and_what_is_there_stays(world: World) -> None:
    before = post(world)
    after = add(world, before["id"], {"axes": {"seed": [2, 3]}})
    assert after["cells"][:6] == before["cells"]
    assert names(after)[6:] == ["similar.s3", "P2.s3", "GR_10.s3"]
    assert after["counts"] == {"queued": 9}


def test_a_mitigation_more_is_a_row_over_every_seed(world: World) -> None:
    more = {"axes": {"mitigation": [{"kind": "lora"}]}, "cells": [{"mitigation": GR | {"ratio": 0.2}}]}
    after = add(world, post(world)["id"], more)
    assert names(after)[6:] == ["GR_20.s1", "GR_20.s2", "LoRA.s1", "LoRA.s2"]


def test_cells_that_are_there_are_not_made_twice(world: World) -> None:
    view = post(world)
    more = {"axes": {"seed": [3]}}
    once = add(world, view["id"], more)
    assert add(world, view["id"], more) == once
    assert len(world.client.get("/v1/experiments").json()["data"]) == 9
    after = add(world, view["id"], {"axes": {"mitigation": [{"kind": "lora"}]}})
    assert names(after)[9:] == ["LoRA.s1", "LoRA.s2", "LoRA.s3"]


def test_a_matrix_that_is_over_goes_on(world: World) -> None:
    view = post(world)
    world.client.post(f"/v1/matrices/{view['id']}/cancel")
    after = add(world, view["id"], {"axes": {"seed": [3]}})
    assert (after["counts"], after["terminal"]) == ({"cancelled": 6, "queued": 3}, False)


@pytest.mark.parametrize(
    ("more", "path", "expected"),
    [
        ({}, "", "give axes"),
        ({"axes": {"strategy": ["x"]}}, "axes.strategy", "an axis of the matrix (mitigation, seed)"),
        (
            {"cells": [{"phase2.hyperparameters.learning_rat": 1}]}, "cells[",
            "did you mean phase2.hyperparameters.learning_rate?",
        ),
        ({"axes": {"mitigation": [GR | {"ratio": 2}]}}, "mitigation.ratio", "less than or equal to 1"),
        ({"axes": {"seed": list(range(400))}}, "axes", "at most 1,000"),
    ],
)
def test_what_can_not_be_added_is_refused_and_nothing_is_stored(
    world: World, more: dict[str, Any], path: str, expected: str
) -> None:
    view = post(world)
    faults = add(world, view["id"], more, 422)["faults"]
    assert any(one["path"].startswith(path) and expected in one["expected"] for one in faults), faults
    assert world.client.get(f"/v1/matrices/{view['id']}").json() == view


def test_cells_of_an_unknown_matrix_are_not_found(world: World) -> None:
    assert add(world, "mat_nothing", {"axes": {"seed": [3]}}, 404)["code"] == "not-found"


def test_where_places_are_few_the_longest_chain_is_begun_first(world: World) -> None:
    """Nothing is recorded, so each training counts alike, and replay's chain has a generation more than the others."""
    world.reconciler.settings = world.settings.model_copy(update={"max_jobs": 2})
    axes = {"mitigation": [{"kind": "none"}, GR]}
    post(world, {"name": "m", "spec": MATRIX["spec"], "axes": axes, "cells": [{"phase2.hyperparameters.epochs": 20}]})
    world.step()
    started = [identifier.split("-")[1] for identifier in world.jobs.submissions]
    assert [world.get(one)["name"] for one in started] == ["m.GR_10.s17", "m.epochs-20.s17"]


def test_no_order_is_made_where_nothing_could_be_begun(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand cells wait while others run: their order is asked for at every step, and of use at few of them."""
    post(world, {"name": "m", "spec": MATRIX["spec"], "axes": {"mitigation": [{"kind": "none"}, GR]}})
    with world.service.database.read() as session:
        opened = ExperimentRepository(session).opened()
    turns = Turns(world.service.database, world.store)

    def unread(*_: object) -> None:
        raise AssertionError("plans were read")

    monkeypatch.setattr(turns, "_learn", unread)
    assert turns.order(opened, 0) == opened
    assert turns.order(opened, len(opened)) == opened
    with pytest.raises(AssertionError):
        turns.order(opened, 1)
