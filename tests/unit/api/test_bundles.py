"""An experiment's bundle over HTTP, and a plan told as one."""

from __future__ import annotations

from typing import Any

from cftray.bundle import Bundle, compare
from cftray.plan import Plan
from cftray.spec import ExperimentSpec
from tests.unit.api.conftest import MINI, World
from tests.unit.report.conftest import World as Recorded


def recorded(world: World) -> str:
    """An experiment that has run, its stages recorded as they would be."""
    identifier, job = world.started()
    plan: Plan = job.folder.request().plan
    spec = ExperimentSpec.model_validate(world.get(identifier)["spec"])
    Recorded(spec=spec, plan=plan, store=world.store).record_all()
    job.run_all()
    world.step()
    return identifier


def told(world: World, path: str, status: int = 200) -> dict[str, Any]:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_bundle_holds_what_is_recorded_and_the_report_carries_it(world: World) -> None:
    identifier = recorded(world)
    found = Bundle.model_validate(told(world, f"/v1/experiments/{identifier}/bundle"))
    assert found.experiment == identifier
    assert found.scores
    assert found.schema_ == 1
    page = world.client.get(f"/v1/experiments/{identifier}/report").text
    assert "data:application/json;base64," in page
    assert "cftray reproduce" in page


def test_without_scores_there_is_none_yet(world: World) -> None:
    identifier = world.post()["id"]
    assert "a bundle needs some" in told(world, f"/v1/experiments/{identifier}/bundle", 409)["detail"]
    told(world, "/v1/experiments/exp_222222222222/bundle", 404)


def test_the_similarity_of_the_data_is_reported_before_anything_is_scored(world: World) -> None:
    """DES is known before a model is trained; a training that fails does not take it away."""
    identifier, job = world.started(MINI | {"analysis": ["des"]})
    assert "has no scores yet" in told(world, f"/v1/experiments/{identifier}/report", 409)["detail"]
    spec = ExperimentSpec.model_validate(world.get(identifier)["spec"])
    ran = Recorded(spec=spec, plan=job.folder.request().plan, store=world.store)
    ran.write("des", {"metrics": {"des": 0.612}, "details": {"samples": 500, "pairs": []}})
    page = world.client.get(f"/v1/experiments/{identifier}/report").text
    for text in ("Nothing is evaluated yet.", "0.612, 500 rows a side", "cftray submit"):
        assert text in page, text
    assert "cftray reproduce" not in page, "there are no figures to compare with"


def test_a_plan_tells_the_same_stages_as_the_bundle_of_what_ran(world: World) -> None:
    there = Bundle.model_validate(told(world, f"/v1/experiments/{recorded(world)}/bundle"))
    plan = world.client.post("/v1/plans", json=there.spec, params={"bundle": True}).json()
    here = Bundle.model_validate(plan["bundle"])
    assert all(stage.same and stage.reused for stage in compare(there, here).stages)
    assert world.client.post("/v1/plans", json=MINI).json()["bundle"] is None
