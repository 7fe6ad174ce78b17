"""Dry runs, recipes, the schema, the description, health."""

from __future__ import annotations

from typing import Any

from fastapi.testclient import TestClient

from api.app import Parts, create_app
from cftray.plan import Plan
from cftray.store import Output, Record, Store
from tests.unit.api.conftest import MINI, World


def record_all(store: Store, plan: Plan, experiment: str) -> None:
    """Records for every stage, as a job would have left them."""
    for node in plan.stages:
        assert node.fingerprint is not None
        inputs = {
            name: source.digest if source.__class__.__name__ == "LeafInput" else plan.stage(source.stage).fingerprint  # type: ignore[union-attr]
            for name, source in node.inputs.items()
        }
        store.write_record(
            Record(
                fingerprint=node.fingerprint,
                kind=node.kind,
                title=node.title,
                config=node.config.model_dump(mode="json"),
                inputs={name: digest or "" for name, digest in inputs.items()},
                outputs={"out": Output(path="attempts/1/out", sha256="0", size=0)},
                metrics={},
                details={},
                execution={},
                provenance={},
                experiment=experiment,
                attempt=1,
                started_at="2026-01-01T00:00:00+00:00",
                finished_at="2026-01-01T00:01:00+00:00",
                seconds=60.0,
            )
        )


def finished(world: World) -> str:
    identifier, job = world.started()
    record_all(world.store, job.folder.request().plan, identifier)
    job.run_all()
    world.step()
    return identifier


def planned(world: World, document: dict[str, Any]) -> dict[str, Any]:
    answer = world.client.post("/v1/plans", json=document)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_dry_run_stores_and_starts_nothing(world: World) -> None:
    plan = planned(world, MINI)
    world.step()
    assert (plan["complete"], plan["cached"]) == (True, False)
    assert all(len(stage["fingerprint"]) == 64 for stage in plan["stages"])
    assert world.client.get("/v1/experiments").json()["data"] == []
    assert world.jobs.submissions == {}


def test_what_is_recorded_is_cached_and_says_by_whom(world: World) -> None:
    identifier = finished(world)
    plan = planned(world, MINI)
    assert plan["cached"] is True
    assert f"recorded by {identifier} on 2026-01-01" in {stage["why"] for stage in plan["stages"]}
    assert {stage["state"] for stage in world.post()["plan"]["stages"]} == {"cached"}


def test_a_stage_without_a_record_says_what_differs(world: World) -> None:
    identifier = finished(world)
    document = planned(world, MINI)["spec"]
    document["phase2"]["hyperparameters"]["epochs"] += 1
    whys = {stage["name"]: (stage["state"], stage["why"]) for stage in planned(world, document)["stages"]}
    before = document["phase2"]["hyperparameters"]["epochs"] - 1
    assert whys["train.p1.s17"][0] == "cached"
    assert whys["train.p2.s17"] == ("new", f"hyperparameters.epochs is {before + 1}, was {before} ({identifier})")
    assert whys["evaluate.p2.s17"] == ("new", "needs train.p2.s17, which is new")


def test_every_example_of_a_recipe_that_needs_no_hub_can_be_planned(world: World) -> None:
    for recipe in world.client.get("/v1/recipes").json()["data"]:
        if recipe["needs_hub"]:
            continue
        assert planned(world, recipe["example"])["stages"]


def test_the_schema_is_that_of_a_spec(world: World) -> None:
    schema = world.client.get("/v1/schema").json()
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"name", "phase1", "phase2"} <= set(schema["properties"])


def test_the_description_is_openapi_3_1_with_examples_and_problems(world: World) -> None:
    told = world.client.get("/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    post = told["paths"]["/v1/experiments"]["post"]
    assert post["requestBody"]["content"]["application/yaml"]["examples"]
    assert "application/problem+json" in post["responses"]["422"]["content"]
    assert "Problem" in told["components"]["schemas"]


def test_the_index_leads_to_the_description(world: World) -> None:
    assert world.client.get("/", follow_redirects=False).headers["location"] == "/docs"


def test_readiness_names_each_part(world: World) -> None:
    answer = world.client.get("/readyz")
    parts = {part["name"]: part["status"] for part in answer.json()["parts"]}
    assert (answer.status_code, parts) == (200, {"database": "ok", "ray": "ok", "mlflow": "off"})
    world.jobs.reachable = False
    answer = world.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert world.client.get("/healthz").json()["status"] == "ok"


def test_mlflow_may_be_down_while_work_is_taken(world: World) -> None:
    settings = world.settings.model_copy(update={"mlflow_url": "http://127.0.0.1:1"})
    with TestClient(create_app(settings, Parts(jobs=world.jobs)), base_url="http://localhost") as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert {part["name"]: part["status"] for part in answer.json()["parts"]}["mlflow"] == "down"


def test_results_of_an_experiment_without_scores_are_empty_and_say_so(world: World) -> None:
    identifier = world.post()["id"]
    told = world.client.get(f"/v1/experiments/{identifier}/results").json()
    assert (told["terminal"], told["results"]["complete"], told["results"]["rows"]) == (False, False, [])
    assert world.client.get(f"/v1/experiments/{identifier}/report").status_code == 409
