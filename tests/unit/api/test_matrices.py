"""A matrix is stored with all its cells or not at all; failed cells are named and the others kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.experiments.states import State
from cftray.recipes import mini_table
from tests.unit.api.conftest import World

GR = {"kind": "generative_replay", "ratio": 0.1}
MATRIX: dict[str, Any] = {
    "name": "forgetting",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "axes": {"mitigation": [{"kind": "none"}, GR], "seed": [1, 2]},
    "cells": [{"pair": "similar"}],
}


def post(world: World, document: dict[str, Any] = MATRIX, **headers: str) -> dict[str, Any]:
    answer = world.client.post("/v1/matrices", json=document, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_every_combination_is_a_cell_and_extra_cells_come_first(world: World) -> None:
    view = post(world)
    rows = [(cell["row"], cell["coordinates"].get("seed"), cell["name"]) for cell in view["cells"]]
    assert rows == [
        ("similar", 1, "forgetting.similar.s1"),
        ("similar", 2, "forgetting.similar.s2"),
        ("P2", 1, "forgetting.P2.s1"),
        ("P2", 2, "forgetting.P2.s2"),
        ("GR_10", 1, "forgetting.GR_10.s1"),
        ("GR_10", 2, "forgetting.GR_10.s2"),
    ]
    assert view["counts"] == {"queued": 6}
    assert not view["terminal"]
    assert view["distinct_stages"] < view["stages"]


def test_cells_with_one_phase_1_share_it(world: World) -> None:
    cells = {cell["name"]: cell["experiment"] for cell in post(world)["cells"]}
    prints = {
        name: {stage["name"]: stage["fingerprint"] for stage in world.get(one)["plan"]["stages"]}
        for name, one in cells.items()
    }
    plain, replayed = prints["forgetting.P2.s1"], prints["forgetting.GR_10.s1"]
    assert plain["train.p1.s1"] == replayed["train.p1.s1"] != prints["forgetting.similar.s1"]["train.p1.s1"]
    assert plain["train.p2.s1"] != replayed["train.p2.s1"]


def test_its_experiments_are_found_by_it_and_it_is_found_again(world: World) -> None:
    world.post()
    view = post(world)
    listed = world.client.get("/v1/experiments", params={"matrix": view["id"]}).json()["data"]
    assert {one["id"] for one in listed} == {cell["experiment"] for cell in view["cells"]}
    assert [one["id"] for one in world.client.get("/v1/matrices").json()["data"]] == [view["id"]]
    assert world.client.get(f"/v1/matrices/{view['id']}").json() == view


def test_the_same_key_gives_the_first_answer_again(world: World) -> None:
    key = {"Idempotency-Key": "k1"}
    first = post(world, **key)
    again = world.client.post("/v1/matrices", json=MATRIX, headers=key)
    assert again.json()["id"] == first["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    other = world.client.post("/v1/matrices", json=MATRIX | {"name": "other"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    assert len(world.client.get("/v1/experiments").json()["data"]) == 6


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"axes": {"mitigation": [GR | {"ratio": 2}, {"kind": "none"}]}}, "mitigation.ratio (pair"),
        ({"axes": {"pair": ["similar", "alike"]}, "cells": []}, "pair (pair alike)"),
        ({"axes": {"seed": []}}, "axes.seed"),
        ({"axes": {"seed": list(range(201)), "execution.workers": [1, 2, 3, 4, 5]}, "cells": []}, "axes"),
        ({"spec": {"recipe": "mini", "pair": "dissimilar"}, "colour": 1}, "colour"),
        ({"axes": {"mitigation": [GR, GR]}, "cells": []}, "cells"),
        ({"axes": {"execution.workers": [64]}, "cells": []}, "execution.workers (execution.workers 64)"),
    ],
)
def test_a_matrix_with_a_cell_that_can_not_run_is_refused_whole(
    world: World, changes: dict[str, Any], path: str
) -> None:
    if path.startswith("mitigation.ratio"):
        changes = changes | {"cells": [], "axes": changes["axes"] | {"pair": ["dissimilar"]}}
        path = "mitigation.ratio (mitigation generative_replay"
    answer = world.client.post("/v1/matrices", json=MATRIX | changes)
    assert answer.status_code == 422, answer.text
    assert any(fault["path"].startswith(path) for fault in answer.json()["faults"]), answer.json()["faults"]
    assert world.client.get("/v1/experiments").json()["data"] == []
    assert world.client.get("/v1/matrices").json()["data"] == []


def test_a_field_by_its_path_is_an_axis_of_a_spec_written_out(world: World) -> None:
    spec = world.client.post("/v1/plans", json={"recipe": "mini", "pair": "similar"}).json()["spec"]
    axes = {"phase2.hyperparameters.learning_rate": [1e-4, 2e-4], "mitigation": [{"kind": "lf_h1"}]}
    view = post(world, {"name": "rates", "spec": spec, "axes": axes})
    assert [cell["row"] for cell in view["cells"]] == ["learning_rate 0.0001 · LF_H1", "learning_rate 0.0002 · LF_H1"]
    rates = [
        world.get(cell["experiment"])["spec"]["phase2"]["hyperparameters"]["learning_rate"] for cell in view["cells"]
    ]
    assert rates == [1e-4, 2e-4]


def test_cells_that_differ_have_rows_of_their_own(world: World) -> None:
    alike = [GR, GR | {"surplus": 0.5}, {"kind": "lora"}, {"kind": "lora", "rank": 4}]
    view = post(world, MATRIX | {"cells": [], "axes": {"mitigation": alike, "seed": [1, 2]}})
    assert [cell["row"] for cell in view["cells"]][::2] == ["GR_10", "GR_10 #2", "LoRA", "LoRA (rank 4)"]


def test_cancelling_it_cancels_every_open_cell(world: World) -> None:
    view = post(world)
    answer = world.client.post(f"/v1/matrices/{view['id']}/cancel")
    assert (answer.status_code, answer.json()["counts"]) == (202, {State.CANCELLED: 6})
    assert answer.json()["terminal"]


def test_failed_cells_are_named_in_the_table_and_the_others_kept(world: World) -> None:
    view = post(world)
    gone = view["cells"][-1]["experiment"]
    world.client.post(f"/v1/experiments/{gone}/cancel")
    table = world.client.get(f"/v1/matrices/{view['id']}/table").json()["table"]
    assert [(one["label"], one["seeds"], one["state"]) for one in table["failed"]] == [("GR_10", [2], "cancelled")]
    rows = {group["phase1"]: [row["label"] for row in group["rows"]] for group in table["groups"]}
    assert rows == {"alpaca-mini": ["similar"], "instruct-mini": ["P2", "GR_10"]}
    assert not table["complete"]
    markdown = world.client.get(f"/v1/matrices/{view['id']}/table", params={"format": "markdown"})
    assert "GR_10, seeds 2: cancelled" in markdown.text
    assert markdown.headers["content-type"].startswith("text/markdown")


@pytest.mark.parametrize(
    ("wanted", "kind", "begin"),
    [
        ({"format": "latex"}, "application/x-tex", "% needs"),
        ({"format": "latex", "layout": "C3"}, "application/x-tex", "% needs"),
        ({"format": "html", "layout": "1"}, "text/html", '<div class="cftray-sheet">'),
    ],
)
def test_the_table_in_a_layout_of_the_paper(world: World, wanted: dict[str, str], kind: str, begin: str) -> None:
    answer = world.client.get(f"/v1/matrices/{post(world)['id']}/table", params=wanted)
    assert answer.headers["content-type"].startswith(kind)
    assert answer.text.startswith(begin)
    assert "instruct-mini" in answer.text


@pytest.mark.parametrize(
    "wanted", [{"layout": "C3"}, {"format": "csv", "layout": "D1"}, {"format": "html", "layout": "9"}]
)
def test_a_layout_that_a_format_lacks_is_refused(world: World, wanted: dict[str, str]) -> None:
    answer = world.client.get(f"/v1/matrices/{post(world)['id']}/table", params=wanted)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["path"].endswith("layout")


def test_a_table_of_the_paper_as_a_miniature_can_be_submitted(world: World) -> None:
    view = post(world, mini_table("D1"))
    assert len(view["cells"]) == 13
    assert view["distinct_stages"] < view["stages"]


@pytest.mark.parametrize("path", ["", "/table", "/cancel"])
def test_an_unknown_matrix_is_not_found(world: World, path: str) -> None:
    ask = world.client.post if path == "/cancel" else world.client.get
    answer = ask(f"/v1/matrices/mat_nothing{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize(
    "axes",
    [
        {"": [1]}, {".": [1]}, {"a..b": [1]}, {"pair.x": [1]}, {"seed": [None]}, {"seed": ["\u0000"]}, {"seed": [[1]]},
        {"mitigation": [None, "x", 3]}, {"mitigation": [{"kind": "\ud800"}]}, {"x" * 5000: [1]}, {"pair": [{}]},
        {"__class__": [1]}, {"seeds": [[1], [2]], "seed": [3]}, {"recipe": ["other"]}, {"name": ["a", "b"]},
    ],
)  # fmt: skip
def test_nasty_axes_are_refused_in_words(world: World, axes: dict[str, Any]) -> None:
    body = json.dumps({"name": "x", "spec": {"recipe": "mini", "pair": "similar"}, "axes": axes})
    answer = world.client.post("/v1/matrices", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["faults"]
    assert world.client.get("/v1/experiments").json()["data"] == []


@pytest.mark.parametrize(
    ("mitigation", "path", "expected"),
    [
        ({"kind": "lf_h1", "k": 99}, "phase2.mitigation.k", "the base model has"),
        ({"kind": "lf_h2", "k": 99}, "phase2.mitigation.k", "the base model has"),
        ({"kind": "lora", "targets": ["query"]}, "phase2.mitigation.targets", "none in it is called query"),
        (
            {"kind": "combined", "parts": [GR, {"kind": "lf_h1", "k": 99}]},
            "phase2.mitigation.parts[1].k",
            "the base model has",
        ),
    ],
)
def test_what_the_base_rules_out_is_refused_before_any_training(
    world: World, mitigation: dict[str, Any], path: str, expected: str
) -> None:
    document = {"recipe": "mini", "pair": "dissimilar", "mitigation": mitigation}
    answer = world.client.post("/v1/experiments", json=document)
    (fault,) = answer.json()["faults"]
    assert fault["path"] == path
    assert expected in fault["expected"]
