"""The way of an experiment from POST to its end, whatever dies on it."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from api.app import Parts, create_app
from api.ray_jobs import RayStatus
from api.reconciler.reconciler import Reconciler
from cftray.errors import FailureClass
from cftray.store import Failure
from cftray.store.events import EventKind
from tests.unit.api.conftest import MINI, World

USER_FAILURE = Failure(
    failure=FailureClass.DATA, code="bad-data", message="no supervised token", retryable=False, stage="tokens.p1"
)
INFRA_FAILURE = Failure(failure=FailureClass.INFRA, code="infra", message="a worker died", retryable=True)


def test_a_posted_experiment_is_submitted_followed_and_succeeds(world: World) -> None:
    posted = world.post()
    assert (posted["state"], posted["terminal"]) == ("queued", False)
    identifier = posted["id"]
    world.step()
    submission = world.jobs.submissions[f"cftray-{identifier}-1"]
    assert f"--experiment {identifier} --attempt 1" in submission.entrypoint
    assert submission.metadata["name"] == "mini-dissimilar"
    world.job(identifier).run_all()
    world.step()
    ended = world.get(identifier)
    assert (ended["state"], ended["terminal"]) == ("succeeded", True)
    assert {stage["state"] for stage in ended["plan"]["stages"]} == {"recorded"}
    assert ended["progress"]["stages_done"] == ended["progress"]["stages_total"]
    assert [attempt["outcome"] for attempt in ended["attempts"]] == ["succeeded"]
    assert world.kinds(identifier)[0] == "experiment.queued"
    assert world.kinds(identifier)[-1] == "experiment.succeeded"


def test_progress_shows_the_running_stage_with_its_pace(world: World) -> None:
    identifier, job = world.started()
    name = job.stages[0]
    job.stage(EventKind.STAGE_STARTED, name)
    job.stage(EventKind.STAGE_PROGRESS, name, step=5, total=20, unit="steps", figures={"tokens_per_s": 31000.0})
    world.step()
    progress = world.get(identifier)["progress"]
    assert (progress["stage"], progress["step"], progress["total"]) == (name, 5, 20)
    assert progress["tokens_per_s"] == 31000.0


def test_a_failure_of_the_experiment_is_final_and_told(world: World) -> None:
    identifier, job = world.started()
    job.stage(EventKind.STAGE_FAILED, "tokens.p1", failure=USER_FAILURE.model_dump(mode="json"))
    job.finish("failed", USER_FAILURE)
    world.step(3)
    ended = world.get(identifier)
    assert (ended["state"], ended["failure"]["class"]) == ("failed", "data")
    assert ended["failure"]["message"] == "no supervised token"
    assert len(ended["attempts"]) == 1
    states = {stage["name"]: stage["state"] for stage in ended["plan"]["stages"]}
    assert states["tokens.p1"] == "failed"
    assert states["train.p2.s17"] == "skipped"


def test_a_failure_inherited_from_a_shared_stage_is_not_tried_again(world: World) -> None:
    first, first_job = world.started()
    second, second_job = world.started()
    inherited = USER_FAILURE.model_copy(update={"code": "inherited"})
    first_job.finish("failed", USER_FAILURE)
    second_job.finish("failed", inherited)
    world.step(2)
    assert [world.get(one)["state"] for one in (first, second)] == ["failed", "failed"]
    assert len(world.get(second)["attempts"]) == 1


def test_a_crashed_job_is_tried_again_after_a_pause_and_may_succeed(world: World) -> None:
    identifier, job = world.started()
    job.fall_silent()
    world.jobs.outputs[f"cftray-{identifier}-1"] = "line\nSegmentation fault\n"
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.FAILED, "exit code 139")
    world.step()
    waiting = world.get(identifier)
    assert (waiting["state"], waiting["attempts"][0]["outcome"]) == ("queued", "crashed")
    assert waiting["attempts"][0]["failure"]["class"] == "infra"
    assert "Segmentation fault" in waiting["attempts"][0]["failure"]["log_tail"]
    world.step()
    assert len(world.get(identifier)["attempts"]) == 1
    world.clock.move(11)
    world.step()
    world.job(identifier, 2).run_all()
    world.step()
    assert [one["outcome"] for one in world.get(identifier)["attempts"]] == ["crashed", "succeeded"]
    assert world.get(identifier)["state"] == "succeeded"


def test_a_failure_of_the_platform_that_the_job_tells_of_is_tried_again(world: World) -> None:
    identifier, job = world.started()
    job.finish("failed", INFRA_FAILURE)
    world.step()
    assert world.get(identifier)["attempts"][0]["outcome"] == "crashed"
    assert world.get(identifier)["state"] == "queued"


def test_crashes_end_at_the_limit_with_the_last_failure(world: World) -> None:
    identifier = world.post()["id"]
    for number in (1, 2, 3):
        world.step()
        world.job(identifier, number).fall_silent()
        world.jobs.end(f"cftray-{identifier}-{number}", RayStatus.FAILED)
        world.step()
        world.clock.move(1000)
    world.step()
    ended = world.get(identifier)
    assert (ended["state"], ended["failure"]["code"]) == ("failed", "job-lost")
    assert len(ended["attempts"]) == 3


def test_a_job_that_ray_calls_failed_is_believed_while_its_heart_beats(world: World) -> None:
    identifier, job = world.started()
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.FAILED)
    world.step()
    assert world.get(identifier)["state"] == "running"
    job.finish("succeeded")
    world.step()
    assert world.get(identifier)["state"] == "succeeded"


def test_a_job_that_ray_calls_running_is_given_up_after_long_silence(world: World) -> None:
    identifier, job = world.started()
    job.fall_silent()
    world.step()
    assert world.get(identifier)["attempts"][0]["outcome"] == "crashed"
    assert world.jobs.states[f"cftray-{identifier}-1"].status is RayStatus.STOPPED


def test_a_cluster_that_forgot_the_job_costs_an_attempt_and_no_result(world: World) -> None:
    identifier, job = world.started()
    job.fall_silent()
    world.jobs.forget()
    world.step()
    world.clock.move(11)
    world.step()
    world.job(identifier, 2).run_all()
    world.step()
    assert world.get(identifier)["state"] == "succeeded"


def test_while_ray_is_away_experiments_wait_and_say_so(world: World) -> None:
    world.jobs.reachable = False
    identifier = world.post()["id"]
    world.step(3)
    waiting = world.get(identifier)
    assert waiting["state"] == "queued"
    assert "can't be reached" in waiting["waiting_for"]
    assert world.kinds(identifier).count("experiment.waiting") == 1
    world.jobs.reachable = True
    world.step()
    assert f"cftray-{identifier}-1" in world.jobs.submissions
    assert len(world.get(identifier)["attempts"]) == 1


def test_a_job_that_ends_while_ray_is_away_is_taken_in(world: World) -> None:
    identifier, job = world.started()
    world.jobs.reachable = False
    job.finish("succeeded")
    world.step()
    assert world.get(identifier)["state"] == "succeeded"


def test_a_service_that_starts_again_goes_on_with_the_running_job(world: World) -> None:
    identifier, job = world.started()
    before = world.events(identifier)
    app = create_app(world.settings, Parts(jobs=world.jobs, clock=world.clock))
    with TestClient(app, base_url="http://localhost") as client:
        job.stage(EventKind.STAGE_STARTED, job.stages[0])
        job.finish("succeeded")
        reconciler: Reconciler = app.state.backstage.reconciler
        reconciler.step()
        after = client.get(f"/v1/experiments/{identifier}/events").json()["data"]
        assert client.get(f"/v1/experiments/{identifier}").json()["state"] == "succeeded"
    assert after[: len(before)] == before
    assert list(world.jobs.submissions) == [f"cftray-{identifier}-1"]


def test_a_death_between_submitting_and_writing_it_down_submits_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    identifier = world.post()["id"]
    submit = world.jobs.submit

    def submit_and_die(submission: object) -> bool:
        submit(submission)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(world.jobs, "submit", submit_and_die)
    with pytest.raises(KeyboardInterrupt):
        world.step()
    monkeypatch.setattr(world.jobs, "submit", submit)
    world.step()
    assert list(world.jobs.submissions) == [f"cftray-{identifier}-1"]
    assert world.get(identifier)["attempts"][0]["submitted_at"] is not None


def test_events_are_taken_in_once_and_in_order_however_often_one_looks(world: World) -> None:
    identifier, job = world.started()
    for step in range(1, 30):
        job.stage(EventKind.STAGE_PROGRESS, job.stages[0], step=step, total=30, unit="steps", figures={})
        world.step(2)
    numbers = [event["number"] for event in world.events(identifier) if event["number"] is not None]
    assert numbers == list(range(1, 31))
    assert [event["seq"] for event in world.events(identifier)] == list(range(1, len(world.events(identifier)) + 1))


def test_events_that_make_no_sense_fail_the_experiment_in_words(world: World) -> None:
    identifier, job = world.started()
    with open(job.folder.folder / "events.jsonl", "a", encoding="utf-8") as file:
        file.write('{"kind": "from.the.future"}\n')
    world.step()
    assert world.get(identifier)["failure"]["code"] == "unreadable-events"


def test_no_more_jobs_run_at_a_time_than_allowed(world: World) -> None:
    ids = [world.post(MINI | {"seeds": [seed]})["id"] for seed in range(world.settings.max_jobs + 1)]
    world.step()
    assert len(world.jobs.submissions) == world.settings.max_jobs
    assert "free place" in world.get(ids[-1])["waiting_for"]
    world.job(ids[0]).run_all()
    world.step(2)
    assert f"cftray-{ids[-1]}-1" in world.jobs.submissions


def test_a_later_attempt_does_not_unsay_what_an_earlier_one_recorded(world: World) -> None:
    identifier, job = world.started()
    name = job.stages[0]
    job.stage(EventKind.STAGE_STARTED, name)
    job.stage(EventKind.STAGE_RECORDED, name, seconds=1.0, metrics={})
    world.step()
    job.fall_silent()
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.FAILED)
    world.step()
    world.clock.move(11)
    world.step()
    again = world.job(identifier, 2)
    again.start()
    again.stage(EventKind.STAGE_CACHED, name, experiment=identifier)
    world.step()
    assert world.get(identifier)["plan"]["stages"][0]["state"] == "recorded"


def test_an_analysis_that_failed_and_what_needs_it_are_told_and_the_experiment_succeeds(world: World) -> None:
    identifier, job = world.started({**MINI, "analysis": ["mpd"]})
    failure = USER_FAILURE.model_copy(update={"stage": "train.d2.s17", "message": "the loss is not finite"})
    for name in job.stages:
        if name == "train.d2.s17":
            job.stage(EventKind.STAGE_FAILED, name, failure=failure.model_dump(mode="json"))
        elif name == "mpd.s17":
            job.stage(EventKind.STAGE_SKIPPED, name, why="needs train.d2.s17, which failed")
        else:
            job.stage(EventKind.STAGE_RECORDED, name, seconds=1.0, metrics={})
    job.finish("succeeded")
    world.step(3)
    ended = world.get(identifier)
    assert ended["state"] == "succeeded"
    told = {stage["name"]: (stage["state"], stage["why"]) for stage in ended["plan"]["stages"]}
    assert told["train.d2.s17"] == ("failed", "the loss is not finite")
    assert told["mpd.s17"] == ("skipped", "needs train.d2.s17, which failed")
    assert ended["progress"]["stages_left_out"] == 0
