"""Evaluations of single models: the same life as an experiment's, under another path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api.plans.checks import FileChecks
from api.settings import Settings
from cftray.data.scores import ItemScores, Part, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Leaf, LeafKind, Pack, PackTask
from cftray.spec import evaluation_from_document
from cftray.store import Record
from cftray.store.events import EventKind
from tests.unit.api.conftest import MINI, World

SPEC = {"name": "base", "model": "mini:base", "evaluation": {"suites": ["ta"], "limit": 4}}


def post(world: World, document: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    answer = world.client.post("/v1/evaluations", json=document or SPEC, headers=headers)
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/evaluations/{body['id']}"
    return body


def get(world: World, path: str, status: int = 200) -> dict[str, Any]:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def record_scores(world: World, identifier: str) -> None:
    """What the evaluation's stage would have written: two items of MMLU."""
    request = world.store.job(identifier, 1).request()
    node = request.plan.stage("evaluate.model")
    assert node.fingerprint is not None
    part = Part(task="mmlu_mini", suite="ta", benchmark="mmlu", language="en")
    task = TaskScores(
        task=part.task, suite="ta", benchmark="mmlu", language="en", metric="acc", items=("1", "2"), scores=(1.0, 0.0)
    )
    scores = ItemScores(tasks=(task,), expected=(part,))
    path = world.store.attempt_folder(node.fingerprint, 1) / "scores.json.gz"
    path.parent.mkdir(parents=True)
    scores.write(path)
    world.store.write_record(
        Record(
            fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={},
            outputs={"scores": world.store.describe(node.fingerprint, path)}, metrics=metrics_of([scores]), details={},
            execution=request.execution.model_dump(mode="json"), provenance={}, experiment=identifier, attempt=1,
            started_at="2026-01-01T00:00:00+00:00", finished_at="2026-01-01T00:00:09+00:00", seconds=9.0,
        )
    )  # fmt: skip


def test_it_is_planned_walked_and_its_scores_are_told(world: World) -> None:
    posted = post(world)
    identifier = posted["id"]
    assert identifier.startswith("ev_")
    assert posted["spec"]["model"]["model"] == "mini:base"
    assert [stage["name"] for stage in posted["plan"]["stages"]] == ["requests", "evaluate.model"]
    world.step()
    record_scores(world, identifier)
    world.job(identifier).run_all()
    world.step()
    ended = get(world, f"/v1/evaluations/{identifier}")
    assert (ended["state"], ended["terminal"]) == ("succeeded", True)
    told = get(world, f"/v1/evaluations/{identifier}/results")["results"]
    assert told["complete"]
    assert [(row["key"], row["p1"]["score"], row["p1"]["n"], row["p2"]) for row in told["rows"]] == [
        ("ta/mmlu", 0.5, 2, None),
        ("ta", 0.5, 2, None),
    ]
    page = world.client.get(f"/v1/evaluations/{identifier}/report")
    assert page.status_code == 200
    assert "MMLU" in page.text
    assert world.client.get(f"/v1/evaluations/{identifier}/logs").json()["attempt"] == 1
    assert world.client.get(f"/v1/evaluations/{identifier}/events").json()["data"][-1]["kind"] == "experiment.succeeded"
    assert ended["links"]["results"].endswith(f"/v1/evaluations/{identifier}/results")


def test_an_equal_one_finds_its_stages_recorded(world: World) -> None:
    first = post(world)["id"]
    world.step()
    record_scores(world, first)
    again = post(world, SPEC | {"name": "again"})
    states = {stage["name"]: stage["state"] for stage in again["plan"]["stages"]}
    assert states["evaluate.model"] == "cached"


def test_lists_keep_the_kinds_apart(world: World) -> None:
    experiment, first, second = world.post()["id"], post(world)["id"], post(world, SPEC | {"name": "two"})["id"]
    listed = get(world, "/v1/evaluations?limit=1")
    assert ([one["id"] for one in listed["data"]], listed["has_more"]) == ([second], True)
    rest = get(world, f"/v1/evaluations?after={listed['next']}")
    assert [one["id"] for one in rest["data"]] == [first]
    assert [one["id"] for one in get(world, "/v1/experiments")["data"]] == [experiment]
    assert [one["id"] for one in get(world, "/v1/evaluations?name=two")["data"]] == [second]
    get(world, f"/v1/evaluations?after={experiment}", 422)
    get(world, "/v1/evaluations?matrix=mat_x", 422)


@pytest.mark.parametrize("tail", ["", "/events", "/logs", "/results", "/report"])
def test_an_id_of_the_other_kind_is_not_found_and_said_where_it_is(world: World, tail: str) -> None:
    evaluation, experiment = post(world)["id"], world.post()["id"]
    told = get(world, f"/v1/experiments/{evaluation}{tail}", 404)
    assert f"GET /v1/evaluations/{evaluation}" in told["detail"]
    told = get(world, f"/v1/evaluations/{experiment}{tail}", 404)
    assert f"GET /v1/experiments/{experiment}" in told["detail"]
    assert world.client.post(f"/v1/experiments/{evaluation}/cancel").status_code == 404


def test_it_is_cancelled_and_tried_again(world: World) -> None:
    identifier = post(world)["id"]
    answer = world.client.post(f"/v1/evaluations/{identifier}/cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    answer = world.client.post(f"/v1/evaluations/{identifier}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    world.step()
    world.job(identifier).run_all()
    world.step()
    assert get(world, f"/v1/evaluations/{identifier}")["state"] == "succeeded"


def test_a_key_gives_the_first_answer_again_and_never_another_kinds(world: World) -> None:
    key = {"Idempotency-Key": "k"}
    first = post(world, **key)
    assert post(world, **key)["id"] == first["id"]
    answer = world.client.post("/v1/evaluations", json=SPEC | {"name": "other"}, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    answer = world.client.post("/v1/experiments", json=SPEC, headers=key)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"model": "/no/such/model"}, "model.model", "no such folder"),
        ({"modle": "x"}, "modle", "did you mean model?"),
        ({"evaluation": {"benchmarks": ["mlqa"]}}, "evaluation.benchmarks", "one of the suite ta too"),
        ({"evaluation": {"judge": {"endpoint": "j", "model": "m"}}}, "evaluation.judge.endpoint", "CFTRAY_ENDPOINTS"),
        ({"evaluation": {"data": {"xquad": "/x"}}}, "evaluation.data.xquad", "come with the pack mini"),
        ({"template": {"text": "{% for"}}, "template", ""),
        ({"precision": "fp16"}, "precision", "bf16"),
    ],
)
def test_what_can_not_run_is_refused_and_not_stored(
    world: World, changes: dict[str, Any], path: str, said: str
) -> None:
    answer = world.client.post("/v1/evaluations", json=SPEC | changes)
    assert answer.status_code == 422, answer.text
    told = {fault["path"]: fault["expected"] for fault in answer.json()["faults"]}
    assert said in told[path]
    assert get(world, "/v1/evaluations")["data"] == []


def test_a_dry_run_and_the_schema_know_the_kind(world: World) -> None:
    plan = world.client.post("/v1/plans?kind=evaluation", json=SPEC).json()
    assert [stage["name"] for stage in plan["stages"]] == ["requests", "evaluate.model"]
    assert "model" in world.client.get("/v1/schema?kind=evaluation").json()["properties"]
    document = world.client.get("/openapi.json").json()
    body = document["paths"]["/v1/evaluations"]["post"]["requestBody"]["content"]["application/json"]
    assert evaluation_from_document(body["example"]).name == "how-good-is-it"


GATED = {
    "name": "gated",
    "base": "mini:base",
    "phase1": {"train": {"data": {"mini": "alpaca-mini", "samples": 99}, "hyperparameters": {
        "learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}}},
    "phase2": {"data": {"mini": "multialpaca-mini", "samples": 99}, "hyperparameters": {
        "learning_rate": 1e-3, "epochs": 1, "global_batch": 4, "max_length": 64}},
    "gate": [{"score": "ta", "at_least": 0.5}],
}  # fmt: skip
WHY = "ta is 0.300 (at least 0.5 wanted)"


def closed_gate(world: World, identifier: str) -> None:
    node = world.job(identifier).folder.request().plan.stage("gate.s17")
    assert node.fingerprint is not None
    world.store.write_record(
        Record(
            fingerprint=node.fingerprint, kind=node.kind, title=node.title, config={}, inputs={}, outputs={},
            metrics={"open": 0.0}, details={"open": False, "told": WHY}, execution={}, provenance={},
            experiment=identifier, attempt=1, started_at="2026-01-01T00:00:00+00:00",
            finished_at="2026-01-01T00:00:09+00:00", seconds=9.0,
        )
    )  # fmt: skip


def test_a_closed_gate_leaves_stages_out_and_the_experiment_succeeds(world: World) -> None:
    identifier, job = world.started(GATED)
    gated = {node.name for node in job.folder.request().plan.stages if node.gated_by}
    assert {"train.p2.s17", "evaluate.p2.s17"} <= gated
    for name in job.stages:
        if name in gated:
            job.stage(EventKind.STAGE_SKIPPED, name, gates=["gate.s17"], why=WHY)
        else:
            job.stage(EventKind.STAGE_RECORDED, name, seconds=1.0, metrics={})
    closed_gate(world, identifier)
    job.finish("succeeded")
    world.step()
    ended = world.get(identifier)
    assert ended["state"] == "succeeded"
    stages = {stage["name"]: stage for stage in ended["plan"]["stages"]}
    assert (stages["train.p2.s17"]["state"], stages["train.p2.s17"]["why"]) == ("skipped", f"gate closed: {WHY}")
    assert "gate.s17" in stages["train.p2.s17"]["needs"]
    progress = ended["progress"]
    assert progress["stages_left_out"] == len(gated)
    assert progress["stages_done"] == progress["stages_total"] == len(stages) - len(gated)
    again = world.client.post("/v1/plans", json=GATED).json()
    planned = next(stage for stage in again["stages"] if stage["name"] == "evaluate.p2.s17")
    assert (planned["state"], planned["why"]) == ("skipped", f"gate closed: {WHY}")


def test_a_gate_over_a_score_that_is_not_evaluated_is_refused(world: World) -> None:
    answer = world.client.post("/v1/experiments", json=GATED | {"gate": [{"score": "ta/mmul", "at_least": 0.5}]})
    [fault] = answer.json()["faults"]
    assert (fault["path"], "did you mean ta/mmlu?" in fault["expected"]) == ("gate[0].score", True)


def test_a_matrix_with_a_judge_that_is_not_there_is_refused(world: World) -> None:
    document = {"name": "m", "spec": GATED | {"evaluation": {"judge": {"endpoint": "j", "model": "m"}}},
                "axes": {"seed": [1, 2]}}  # fmt: skip
    told = {fault["path"] for fault in world.client.post("/v1/matrices", json=document).json()["faults"]}
    assert any(path.startswith("evaluation.judge") for path in told)


def own_pack(name: str) -> Pack:
    """A pack that reads files."""
    task = {"suite": "la", "metric": "f1", "chat": True}
    tasks = (
        PackTask(task="xquad_de", benchmark="xquad", language="de", source="xquad", **task),
        PackTask(task="mlqa_de", benchmark="mlqa", language="de", source="mlqa", **task),
    )
    hub = {one: Leaf(kind=LeafKind.HUB_SET, location=f"team/{one}") for one in ("mlqa", "xquad")}
    return Pack(name=name, version=1, digest="d", tasks=tasks, include_path=Path(), hub=hub)


@pytest.mark.parametrize(
    ("location", "said"),
    [("in/*.json", None), ("in/none.json", "no"), ("out/xquad.de.json", "a path under"), ("https://h/x.json", "under")],
)
def test_benchmarks_files_are_there_and_under_the_roots(tmp_path: Path, location: str, said: str | None) -> None:
    for folder in ("in", "out"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "xquad.de.json").write_text(json.dumps({"data": []}))
    settings = Settings(database_url=f"sqlite:///{tmp_path}/c.db", store=tmp_path / "s", data_roots=(tmp_path / "in",))
    place = location if ":" in location else str(tmp_path / location)
    evaluation = {"pack": "paper", "suites": ["la"], "benchmarks": ["xquad"], "data": {"xquad": place}}
    spec = evaluation_from_document({"name": "e", "model": "mini:base", "evaluation": evaluation})
    told = {fault.path: fault.expected for fault in FileChecks(settings, own_pack).faults(spec)}
    assert told.keys() == (set() if said is None else {"evaluation.data.xquad"})
    assert said is None or said in told["evaluation.data.xquad"]


def test_a_set_of_the_hub_that_can_not_be_had_is_told_of_if_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cftray.errors import DataError

    def away(location: str, revision: str | None, *, kind: str) -> str:
        raise DataError(f"{location}: no such data set")

    monkeypatch.setattr("cftray.store.leaves.commit_of", away)
    checks = FileChecks(Settings(database_url=f"sqlite:///{tmp_path}/c.db", store=tmp_path / "s"), own_pack)
    evaluation = {"pack": "paper", "suites": ["la"], "benchmarks": ["mlqa"]}
    spec = evaluation_from_document({"name": "e", "model": "mini:base", "evaluation": evaluation})
    [fault] = checks.faults(spec)
    assert (fault.path, fault.given, fault.expected) == ("evaluation.data.mlqa", "team/mlqa", "no such data set")


def test_the_demo_is_an_experiment_still(world: World) -> None:
    assert world.post(MINI)["id"].startswith("exp_")
