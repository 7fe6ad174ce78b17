"""Ending an experiment in each of its states, and beginning it again."""

from __future__ import annotations

from api.ray_jobs import RayStatus
from cftray.errors import FailureClass
from cftray.store import Failure
from cftray.store.events import EventKind
from tests.unit.api.conftest import World

DATA_FAILURE = Failure(failure=FailureClass.DATA, code="bad-data", message="mend it", retryable=False)


def cancel(world: World, identifier: str) -> tuple[int, str]:
    answer = world.client.post(f"/v1/experiments/{identifier}/cancel")
    return answer.status_code, answer.json().get("state", answer.json().get("code"))


def test_a_queued_experiment_is_cancelled_at_once(world: World) -> None:
    identifier = world.post()["id"]
    assert cancel(world, identifier) == (202, "cancelled")
    world.step()
    assert world.jobs.submissions == {}
    assert world.get(identifier)["terminal"] is True


def test_an_experiment_that_could_not_be_submitted_is_cancelled_without_ray(world: World) -> None:
    world.jobs.reachable = False
    identifier = world.post()["id"]
    world.step()
    assert cancel(world, identifier)[0] == 202
    world.step()
    assert world.get(identifier)["state"] == "cancelled"


def test_a_running_job_is_asked_first_and_ends_by_itself(world: World) -> None:
    identifier, job = world.started()
    assert cancel(world, identifier) == (202, "cancelling")
    world.step()
    assert job.folder.stop.exists()
    job.finish("cancelled")
    world.step()
    assert world.get(identifier)["state"] == "cancelling", "its process is still there"
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.FAILED)
    world.step()
    ended = world.get(identifier)
    assert (ended["state"], ended["attempts"][0]["outcome"]) == ("cancelled", "cancelled")


def test_a_job_that_does_not_stop_is_killed_after_the_grace(world: World) -> None:
    identifier, _ = world.started()
    cancel(world, identifier)
    world.step()
    world.clock.move(world.settings.cancel_grace_s - 1)
    world.step()
    assert world.jobs.states[f"cftray-{identifier}-1"].status is RayStatus.RUNNING
    world.clock.move(2)
    world.step(2)
    assert world.get(identifier)["state"] == "cancelled"


def test_a_stop_that_ray_only_claims_is_repeated_until_it_holds(world: World) -> None:
    identifier, _ = world.started()
    cancel(world, identifier)
    world.jobs.stops_at_once = False
    world.clock.move(world.settings.cancel_grace_s + 1)
    world.step(2)
    assert world.get(identifier)["state"] == "cancelling"
    world.jobs.stops_at_once = True
    world.clock.move(6)
    world.step(2)
    assert world.get(identifier)["state"] == "cancelled"


def test_a_job_that_succeeds_before_it_hears_of_the_wish_has_succeeded(world: World) -> None:
    identifier, job = world.started()
    job.finish("succeeded")
    cancel(world, identifier)
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.SUCCEEDED)
    world.step()
    assert world.get(identifier)["state"] == "succeeded"


def test_cancelling_twice_is_cancelling_once(world: World) -> None:
    identifier, _ = world.started()
    assert cancel(world, identifier) == cancel(world, identifier) == (202, "cancelling")
    assert world.kinds(identifier).count("experiment.cancelling") == 1


def test_what_is_over_can_not_be_cancelled_and_a_running_one_not_retried(world: World) -> None:
    identifier, job = world.started()
    assert world.client.post(f"/v1/experiments/{identifier}/retry").status_code == 409
    job.finish("succeeded")
    world.step()
    assert cancel(world, identifier) == (409, "conflict")
    assert world.client.post(f"/v1/experiments/{identifier}/retry").status_code == 409


def test_a_cancelled_experiment_says_which_stages_it_did_not_reach(world: World) -> None:
    identifier, job = world.started()
    job.stage(EventKind.STAGE_STARTED, job.stages[0])
    world.step()
    cancel(world, identifier)
    job.finish("cancelled")
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.FAILED)
    world.step()
    assert {stage["state"] for stage in world.get(identifier)["plan"]["stages"]} == {"skipped"}


def test_a_failed_experiment_is_tried_again_and_may_succeed(world: World) -> None:
    identifier, job = world.started()
    job.finish("failed", DATA_FAILURE)
    world.step()
    answer = world.client.post(f"/v1/experiments/{identifier}/retry")
    assert (answer.status_code, answer.json()["state"], answer.json()["failure"]) == (202, "queued", None)
    assert {stage["state"] for stage in answer.json()["plan"]["stages"]} == {"new"}
    world.step()
    world.job(identifier, 2).run_all()
    world.step()
    ended = world.get(identifier)
    assert ended["state"] == "succeeded"
    assert [one["outcome"] for one in ended["attempts"]] == ["failed", "succeeded"]


def test_a_retry_by_hand_has_all_its_attempts_anew(world: World) -> None:
    identifier, job = world.started()
    job.finish("failed", DATA_FAILURE)
    world.step()
    world.client.post(f"/v1/experiments/{identifier}/retry")
    for number in (2, 3):
        world.step()
        world.job(identifier, number).fall_silent()
        world.jobs.end(f"cftray-{identifier}-{number}", RayStatus.FAILED)
        world.step()
        world.clock.move(1000)
    assert world.get(identifier)["state"] == "queued"
