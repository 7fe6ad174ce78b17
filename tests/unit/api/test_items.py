"""The recorded items of a model through the API."""

from __future__ import annotations

import hashlib
from typing import Any

from cftray.plan import Plan
from cftray.store import Record
from tests.unit.api.conftest import World

ITEMS = b"PAR1 of items"
ANNOTATIONS = b'{"item": "1", "score": 0.5}\n'


def recorded(
    world: World, identifier: str, stage: str, stages: list[dict[str, Any]] | None = None, **outputs: bytes
) -> None:
    """Record a stage of an experiment, or of these stages, with these files."""
    known = stages or world.get(identifier)["plan"]["stages"]
    fingerprint = next(one["fingerprint"] for one in known if one["name"] == stage)
    folder = world.store.attempt_folder(fingerprint, 1)
    folder.mkdir(parents=True)
    described = {}
    for name, content in outputs.items():
        (folder / name).write_bytes(content)
        described[name] = world.store.describe(fingerprint, folder / name)
    rest: dict[str, Any] = {
        "kind": "evaluate", "title": stage, "config": {}, "inputs": {}, "metrics": {}, "details": {}, "execution": {},
        "provenance": {}, "experiment": identifier, "attempt": 1, "started_at": "2026-01-02T03:04:05+00:00",
        "finished_at": "2026-01-02T03:05:05+00:00", "seconds": 1.0,
    }  # fmt: skip
    world.store.write_record(Record(fingerprint=fingerprint, outputs=described, **rest))


def ask(world: World, identifier: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
    return world.client.get(f"/v1/experiments/{identifier}/items", params=params, headers=headers)


def test_a_models_items_come_as_recorded_under_their_digest(world: World) -> None:
    identifier = world.post()["id"]
    recorded(world, identifier, "evaluate.p2.s17", items=ITEMS)
    answer = ask(world, identifier, phase="p2")
    digest = hashlib.sha256(ITEMS).hexdigest()
    assert answer.status_code == 200
    assert answer.content == ITEMS
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["etag"] == f'"{digest}"'
    again = ask(world, identifier, {"If-None-Match": f'"{digest}"'}, phase="p2", seed=17)
    assert again.status_code == 304
    assert again.content == b""


def test_of_several_seeds_one_is_to_be_named(world: World) -> None:
    identifier = world.post({"recipe": "mini", "pair": "dissimilar", "seeds": [1, 2]})["id"]
    for params in ({}, {"seed": 3}):
        answer = ask(world, identifier, phase="p1", **params)
        assert answer.status_code == 422
        assert answer.json()["faults"][0]["expected"] == "one of 1, 2"


def test_what_is_not_recorded_yet_is_a_conflict(world: World) -> None:
    answer = ask(world, world.post()["id"], phase="p1")
    assert answer.status_code == 409
    assert "evaluate P1 is not recorded" in answer.json()["detail"]


def test_annotations_without_a_judge_are_not_found(world: World) -> None:
    answer = ask(world, world.post()["id"], phase="p1", of="annotations")
    assert answer.status_code == 404
    assert "evaluation.judge" in answer.json()["detail"]


def test_a_file_that_is_gone_from_the_store_is_not_found(world: World) -> None:
    identifier = world.post()["id"]
    recorded(world, identifier, "evaluate.p1.s17", items=ITEMS)
    for path in world.store.root.rglob("items"):
        path.unlink()
    answer = ask(world, identifier, phase="p1")
    assert answer.status_code == 404
    assert "gone from the store" in answer.json()["detail"]


def test_a_phase_that_there_is_not_and_an_unknown_experiment(world: World) -> None:
    assert ask(world, world.post()["id"], phase="p3").status_code == 422
    assert ask(world, world.post()["id"]).json()["faults"][0]["expected"] == "p1 or p2"
    assert ask(world, "exp_0000000000aa", phase="p1").status_code == 404


def test_annotations_are_the_judges_file(world: World) -> None:
    from api.experiments.items import ItemsOf, Phase, item_file
    from tests.unit.report.conftest import DOCUMENT, JUDGED, judged_pack

    plan = _judged_plan(DOCUMENT | {"evaluation": JUDGED}, judged_pack)
    fingerprint = plan.stage("judge.p1.s17").fingerprint
    assert fingerprint is not None
    folder = world.store.attempt_folder(fingerprint, 1)
    folder.mkdir(parents=True)
    (folder / "annotations.jsonl").write_bytes(ANNOTATIONS)
    output = world.store.describe(fingerprint, folder / "annotations.jsonl")
    world.store.write_record(
        Record(
            fingerprint=fingerprint, kind="judge", title="judged", config={}, inputs={},
            outputs={"annotations": output}, metrics={}, details={}, execution={}, provenance={}, experiment="exp_1",
            attempt=1, started_at="2026-01-02T03:04:05+00:00", finished_at="2026-01-02T03:05:05+00:00", seconds=1.0,
        )
    )  # fmt: skip
    file = item_file("exp_1", plan, world.store, Phase.P1, None, ItemsOf.ANNOTATIONS)
    assert file.path.read_bytes() == ANNOTATIONS
    assert (file.media_type, file.name) == ("application/jsonl", "exp_1-p1-s17.annotations.jsonl")


def _judged_plan(document: dict[str, Any], packs: Any) -> Plan:
    from cftray.plan import build_plan
    from cftray.spec import ExperimentSpec

    return build_plan(ExperimentSpec.model_validate(document), lambda leaf: "0" * 64, packs)


def test_an_evaluations_one_model_needs_no_phase(world: World) -> None:
    answer = world.client.post("/v1/evaluations", json={"name": "alone", "model": "mini:base"})
    assert answer.status_code == 202, answer.text
    view = answer.json()
    stage = next(one for one in view["plan"]["stages"] if one["kind"] == "evaluate")
    path = f"/v1/evaluations/{view['id']}/items"
    assert world.client.get(path).status_code == 409
    recorded(world, view["id"], stage["name"], view["plan"]["stages"], items=ITEMS)
    assert world.client.get(path).content == ITEMS
    assert "has no P2" in world.client.get(path, params={"phase": "p2"}).json()["detail"]
