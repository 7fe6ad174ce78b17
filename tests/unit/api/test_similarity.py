"""Comparisons of data sets: the same life as an experiment's, under another path, with a result in the view."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cftray.analysis.des import similarities
from cftray.analysis.des_stage import metrics_of
from cftray.analysis.embedding import Embedded
from cftray.plan import Plan
from cftray.spec import similarity_from_document
from cftray.store import Record
from cftray.tracking import ExperimentState, MemoryTracker, SimilarityView, TrackingWriter
from tests.unit.api.conftest import World

PATH = "/v1/similarity"
SETS = [
    {"name": "zulu", "data": {"mini": "alpaca-mini", "samples": 60}},
    {"name": "multi", "data": {"mini": "multialpaca-mini", "samples": 60}},
    {"name": "alpha", "data": {"mini": "instruct-mini", "samples": 60}},
]
SPEC = {"name": "before", "sets": SETS, "encoder": "mini:encoder", "samples": 50}


def post(world: World, document: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = world.client.post(PATH, json=document or SPEC, headers=headers)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{PATH}/{body['id']}"
    return body


def get(world: World, path: str, status: int = 200) -> dict[str, Any]:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def embedded(number: int, languages: tuple[str, ...]) -> Embedded:
    vectors = np.random.default_rng(number).normal(size=(6, 4)) + 2
    codes = languages * (6 // len(languages))
    return Embedded(digest=str(number), rows=60, vectors=vectors, languages=codes, truncated=3)


def record_comparison(world: World, identifier: str) -> None:
    """What the stage would have written; its sets come in the alphabet's order, as inputs of a stored plan do."""
    request = world.store.job(identifier, 1).request()
    node = request.plan.stage("des")
    assert node.fingerprint is not None
    found = similarities(
        {"alpha": embedded(1, ("en",)), "multi": embedded(2, ("de", "es")), "zulu": embedded(3, ("en",))}, seed=0
    )
    details = {**found.as_json(), **node.config.model_dump(mode="json"), "encoder": "e" * 64}
    world.store.write_record(
        Record(
            fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={}, outputs={},
            metrics=metrics_of(found), details=json.loads(json.dumps(details)), execution={}, provenance={},
            experiment=identifier, attempt=1, started_at="2026-01-01T00:00:00+00:00",
            finished_at="2026-01-01T00:00:09+00:00", seconds=9.0,
        )
    )  # fmt: skip


def test_it_is_planned_walked_and_its_result_is_told_in_the_order_asked_for(world: World) -> None:
    posted = post(world)
    identifier = posted["id"]
    assert identifier.startswith("sim_")
    assert [stage["name"] for stage in posted["plan"]["stages"]] == ["rows.zulu", "rows.multi", "rows.alpha", "des"]
    assert posted["result"] is None
    world.step()
    record_comparison(world, identifier)
    world.job(identifier).run_all()
    world.step()
    ended = get(world, f"{PATH}/{identifier}")
    assert (ended["state"], ended["terminal"]) == ("succeeded", True)
    result = ended["result"]
    assert list(result["sets"]) == ["zulu", "multi", "alpha"]
    assert [(one["first"], one["second"]) for one in result["pairs"]] == [
        ("zulu", "multi"), ("zulu", "alpha"), ("multi", "alpha"),
    ]  # fmt: skip
    first = result["pairs"][0]
    assert result["matrix"][0][1] == result["matrix"][1][0] == first["des"]
    assert [result["matrix"][n][n] for n in range(3)] == [1.0] * 3
    assert first["low"] < first["des"] < first["high"]
    assert [(one["first"], one["second"], one["rows"]) for one in first["languages"]] == [
        ("en", "de", [6, 3]), ("en", "es", [6, 3]),
    ]  # fmt: skip
    assert result["sets"]["zulu"]["truncated_share"] == 0.5
    assert get(world, f"{PATH}/{identifier}/logs")["attempt"] == 1
    assert get(world, f"{PATH}/{identifier}/events")["data"][-1]["kind"] == "experiment.succeeded"
    assert (ended["links"]["results"], ended["links"]["report"]) == (None, None)


def test_mlflow_shows_one_run_with_every_pair(world: World) -> None:
    identifier = post(world)["id"]
    world.step()
    record_comparison(world, identifier)
    plan: Plan = world.store.job(identifier, 1).request().plan
    tracker = MemoryTracker()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    TrackingWriter(tracker, world.store).sync_similarity(
        SimilarityView(
            similarity=identifier, spec=similarity_from_document(SPEC), plan=plan, state=ExperimentState.SUCCEEDED,
            created_at=now, finished_at=now,
        )
    )  # fmt: skip
    [run] = tracker.runs.values()
    assert {"des/alpha/zulu", "des/alpha/zulu/low", "truncated/multi"} <= {point.name for point in run.history}
    assert run.state.tags["cftray.similarity"] == identifier


def test_lists_and_ids_keep_the_kinds_apart(world: World) -> None:
    experiment, comparison = world.post()["id"], post(world)["id"]
    assert [one["id"] for one in get(world, f"{PATH}?name=before")["data"]] == [comparison]
    assert [one["id"] for one in get(world, "/v1/experiments")["data"]] == [experiment]
    told = get(world, f"/v1/experiments/{comparison}", 404)
    assert f"but a similarity; GET {PATH}/{comparison}" in told["detail"]
    assert "but an experiment" in get(world, f"{PATH}/{experiment}", 404)["detail"]
    get(world, f"{PATH}?after={experiment}", 422)


def test_it_is_cancelled_and_tried_again(world: World) -> None:
    identifier = post(world)["id"]
    answer = world.client.post(f"{PATH}/{identifier}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    answer = world.client.post(f"{PATH}/{identifier}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")


def test_a_key_gives_the_first_answer_again_and_never_another_kinds(world: World) -> None:
    key = {"Idempotency-Key": "k"}
    first = post(world, **key)
    assert post(world, **key)["id"] == first["id"]
    for path, document in ((PATH, SPEC | {"name": "other"}), ("/v1/evaluations", SPEC)):
        answer = world.client.post(path, json=document, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"samples": 61}, "sets[0].data.samples", "61 rows or more"),
        ({"sets": [SETS[0], {"name": "b", "data": SETS[0]["data"]}]}, "sets[1].data", "zulu again"),
        ({"sets": [SETS[0]]}, "sets", ""),
        ({"encoder": "/no/such/encoder"}, "encoder.model", "no such"),
        ({"sets": [SETS[0], {"name": "b", "data": {"path": "/no/such.jsonl"}}]}, "sets[1].data.path", "no"),
        ({"sampels": 3}, "sampels", "did you mean samples?"),
        ({"text": "prompt"}, "text", "instruction"),
    ],
)
def test_what_can_not_run_is_refused_and_not_stored(
    world: World, changes: dict[str, Any], path: str, said: str
) -> None:
    answer = world.client.post(PATH, json=SPEC | changes)
    assert answer.status_code == 422, answer.text
    told = {fault["path"]: fault["expected"] for fault in answer.json()["faults"]}
    assert said in told[path]
    assert get(world, PATH)["data"] == []


def test_a_file_that_is_read_at_once_and_has_too_few_rows_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    rows = ({"instruction": f"Name the number {n}.", "input": "", "output": f"It is {n}."} for n in range(7))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    sets = [SETS[0], {"name": "few", "data": {"path": str(path)}}]
    answer = world.client.post(PATH, json=SPEC | {"sets": sets})
    [fault] = answer.json()["faults"]
    assert (fault["path"], fault["given"], "50 or more" in fault["expected"]) == ("sets[1].data", "7 rows", True)
    post(world, SPEC | {"sets": sets, "samples": 7})


def test_a_dry_run_the_schema_and_the_example_know_the_kind(world: World) -> None:
    plan = world.client.post("/v1/plans?kind=similarity", json=SPEC).json()
    assert plan["stages"][-1]["name"] == "des"
    assert "sets" in world.client.get("/v1/schema?kind=similarity").json()["properties"]
    document = world.client.get("/openapi.json").json()
    body = document["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]
    assert similarity_from_document(body["example"]).name == "before-training"
