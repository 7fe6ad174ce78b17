"""Sweeps: checked and planned as a whole, one job, trials in the view, results and report."""

from __future__ import annotations

from typing import Any

import pytest

from api.reconciler.hashing import Hashing
from cftray.store import RungReached, SweepFolder, TrialEnd, TrialEnded
from cftray.store.events import EventKind
from tests.unit.api.conftest import World

PATH = "/v1/sweeps"
RATE = "phase2.hyperparameters.learning_rate"
SWEEP: dict[str, Any] = {
    "name": "rates",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {RATE: [1e-4, 2e-4]},
    "objective": {"maximise": "la", "subject_to": [{"score": "ta", "decline_at_most": 0.2}]},
    "early_stopping": {"grace": 0.5, "reduction_factor": 2},
}


def post(world: World, document: dict[str, Any] | None = None, status: int = 202, **headers: str) -> dict[str, Any]:
    answer = world.client.post(PATH, json=document or SWEEP, headers=headers)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def get(world: World, path: str, status: int = 200) -> dict[str, Any]:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def known_of(world: World, sweep: str) -> SweepFolder:
    return world.store.sweep(sweep, world.store.job(sweep, 1).request().plan)


def reach(world: World, sweep: str, trial: int, rung: int, ta: float, la: float) -> None:
    known_of(world, sweep).reach(
        RungReached(
            trial=trial, rung=rung, share=0.5 * rung, at=f"2026-11-27T02:0{rung}:00.000+00:00",
            p1={"ta": 0.6, "la": 0.1}, p2={"ta": ta, "la": la}, value=la, violation=0.0,
        )
    )  # fmt: skip


def test_it_is_stored_with_its_trials_and_the_job_is_told_of_the_sweep(world: World) -> None:
    posted = post(world)
    identifier = posted["id"]
    assert identifier.startswith("swp_")
    assert [(trial["number"], trial["values"], trial["state"]) for trial in posted["trials"]] == [
        (1, {RATE: 1e-4}, "queued"), (2, {RATE: 2e-4}, "queued"),
    ]  # fmt: skip
    names = [stage["name"] for stage in posted["plan"]["stages"]]
    assert len(names) == len(set(names))
    assert {"train.p1.s17", "t01.train.p2.s17.r1", "t02.train.p2.s17"} <= set(names)
    world.step()
    request = world.store.job(identifier, 1).request()
    assert request.sweep is not None
    assert request.sweep.objective.maximise == "la"
    assert [trial.number for trial in request.plan.trials] == [1, 2]
    assert get(world, PATH)["data"][0]["id"] == identifier
    assert get(world, "/v1/experiments")["data"] == []


def test_a_stage_that_one_trial_runs_and_another_waits_for_is_running(world: World) -> None:
    identifier = post(world)["id"]
    world.step()
    job = world.job(identifier)
    job.start()
    job.stage(EventKind.STAGE_STARTED, "train.p1.s17")
    job.stage(EventKind.STAGE_PROGRESS, "train.p1.s17", step=5, total=10, unit="steps", figures={})
    job.stage(EventKind.STAGE_WAITING, "train.p1.s17", holder=identifier)
    job.stage(EventKind.STAGE_WAITING, "t01.train.p2.s17", holder="exp_7k2qh3m5x2ab")
    world.step()
    stages = {stage["name"]: stage for stage in get(world, f"{PATH}/{identifier}")["plan"]["stages"]}
    assert (stages["train.p1.s17"]["state"], stages["train.p1.s17"]["progress"]["step"]) == ("running", 5)
    assert stages["t01.train.p2.s17"]["state"] == "waiting", "another experiment runs it"


def test_trials_are_told_as_they_go_on_and_stages_of_a_stopped_one_are_left_out(world: World) -> None:
    identifier = post(world)["id"]
    world.step()
    job = world.job(identifier)
    job.start()
    job.stage(EventKind.STAGE_STARTED, "t01.train.p2.s17.r1")
    world.step()
    trials = get(world, f"{PATH}/{identifier}")["trials"]
    assert [trial["state"] for trial in trials] == ["running", "queued"]
    for rung in (1, 2):
        reach(world, identifier, 1, rung, 0.5, 0.2 * rung)
    reach(world, identifier, 2, 1, 0.5, 0.1)
    known = known_of(world, identifier)
    known.end(TrialEnded(trial=1, end=TrialEnd.FINISHED, rung=2))
    known.end(TrialEnded(trial=2, end=TrialEnd.STOPPED, rung=1))
    left_out = ("t02.train.p2.s17", "t02.evaluate.p2.s17")
    for name in job.stages:
        if name in left_out:
            job.stage(EventKind.STAGE_SKIPPED, name, trial=2, why="trial 2 was stopped after 50 % of phase 2")
        else:
            job.stage(EventKind.STAGE_RECORDED, name, seconds=1.0, metrics={})
    job.finish("succeeded")
    world.step()
    view = get(world, f"{PATH}/{identifier}")
    assert (view["state"], view["best"]) == ("succeeded", 1)
    stages = {stage["name"]: stage for stage in view["plan"]["stages"]}
    assert stages["t02.train.p2.s17"]["why"] == "trial over: trial 2 was stopped after 50 % of phase 2"
    total = len(stages)
    assert view["progress"]["stages_left_out"] == 2
    assert view["progress"]["stages_done"] == view["progress"]["stages_total"] == total - 2
    results = get(world, f"{PATH}/{identifier}/results")["results"]
    assert (results["best"], results["front"], results["complete"]) == (1, [1], True)
    page = world.client.get(f"{PATH}/{identifier}/report")
    assert page.status_code == 200
    assert "2 trials: 1 finished, 1 stopped." in page.text
    for form, begins in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        picture = world.client.get(f"{PATH}/{identifier}/figures/pareto.{form}")
        assert picture.content.startswith(begins)
        assert picture.headers["content-type"].startswith("image/")


def test_a_report_before_any_score_is_refused_in_words(world: World) -> None:
    identifier = post(world)["id"]
    for path in ("report", "figures/pareto.svg"):
        problem = get(world, f"{PATH}/{identifier}/{path}", 409)
        assert "has no" in problem["detail"]
    assert get(world, f"{PATH}/{identifier}/figures/pareto.gif", 422)["faults"]


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"objective": {"maximise": "la/xsum"}}, "objective.maximise", "did you mean la/xlsum?"),
        ({"objective": {"maximise": "la", "subject_to": [{"score": "ta/gsm8k", "at_least": 0.1}]}},
         "objective.subject_to[0].score", "a score that is evaluated"),
        ({"spec": SWEEP["spec"] | {"execution": {"workers": 64}}},
         f"execution.workers ({RATE} 0.0001)", "at most 32 workers"),
        ({"space": {"phase2.hyperparameter.learning_rate": [1.0]}}, "space.phase2.hyperparameter.learning_rate",
         f"did you mean {RATE} or"),
    ],
)  # fmt: skip
def test_what_no_trial_could_do_is_refused_before_anything_is_stored(
    world: World, changes: dict[str, Any], path: str, expected: str
) -> None:
    faults = {fault["path"]: fault["expected"] for fault in post(world, SWEEP | changes, 422)["faults"]}
    assert expected in faults[path]
    assert get(world, PATH)["data"] == []


def test_the_same_key_stores_it_once(world: World) -> None:
    first = post(world, **{"Idempotency-Key": "k"})
    assert post(world, **{"Idempotency-Key": "k"})["id"] == first["id"]


def test_a_dry_run_shows_every_trial_s_stages(world: World) -> None:
    answer = world.client.post("/v1/plans", json=SWEEP, params={"kind": "sweep"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {"t01.train.p2.s17", "t02.train.p2.s17"} <= {stage["name"] for stage in body["stages"]}
    assert body["spec"]["space"] == {RATE: [1e-4, 2e-4]}


def test_a_sweep_waits_while_a_large_leaf_is_hashed_and_is_planned_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its plan is completed by the same way as an experiment's, with all its trials."""
    identifier = post(world)["id"]
    before = get(world, f"{PATH}/{identifier}")["plan"]["stages"]
    with world.app.state.services.desks["sweep"].work.database.write() as session:
        from api.experiments.repository import ExperimentRepository

        row = ExperimentRepository(session).get(identifier, lock=True)
        assert row is not None
        row.plan_complete = False
    monkeypatch.setattr(Hashing, "pending", lambda self, plan: [])
    world.step()
    view = get(world, f"{PATH}/{identifier}")
    assert view["plan"]["complete"]
    assert [stage["fingerprint"] for stage in view["plan"]["stages"]] == [stage["fingerprint"] for stage in before]
    assert len(world.store.job(identifier, 1).request().plan.trials) == 2


def test_a_cancelled_sweep_can_be_tried_again(world: World) -> None:
    identifier = post(world)["id"]
    cancelled = world.client.post(f"{PATH}/{identifier}/cancel").json()
    assert (cancelled["state"], [trial["state"] for trial in cancelled["trials"]]) == ("cancelled", ["left", "left"])
    again = world.client.post(f"{PATH}/{identifier}/retry").json()
    assert (again["state"], [trial["state"] for trial in again["trials"]]) == ("queued", ["queued", "queued"])
