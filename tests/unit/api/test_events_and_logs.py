"""Histories as JSON and live, and logs while and after Ray has them."""

from __future__ import annotations

import json
import threading
from typing import Any

from api.ray_jobs import RayStatus
from cftray.store.events import EventKind
from tests.unit.api.conftest import World

LIVE = {"accept": "text/event-stream"}


def frames(text: str) -> list[dict[str, Any]]:
    """The events of a stream, each checked to carry its number as its id."""
    found = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if line[0] not in ":r")
        if fields:
            event = json.loads(fields["data"])
            assert (fields["id"], fields["event"]) == (str(event["seq"]), event["kind"])
            found.append(event)
    return found


def finished(world: World) -> str:
    identifier, job = world.started()
    job.run_all()
    world.step()
    world.jobs.end(f"cftray-{identifier}-1", RayStatus.SUCCEEDED)
    return identifier


def test_a_history_is_read_page_by_page(world: World) -> None:
    identifier = finished(world)
    whole = world.events(identifier)
    got: list[dict[str, Any]] = []
    page = {"next": 0, "has_more": True}
    while page["has_more"]:
        page = world.client.get(
            f"/v1/experiments/{identifier}/events", params={"after": page["next"], "limit": 3}
        ).json()
        got += page["data"]  # type: ignore[arg-type]
    assert got == whole
    assert page["terminal"] is True


def test_a_stream_of_what_is_over_holds_everything_and_ends(world: World) -> None:
    identifier = finished(world)
    answer = world.client.get(f"/v1/experiments/{identifier}/events", headers=LIVE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert frames(answer.text) == world.events(identifier)


def test_a_stream_goes_on_after_the_last_event_that_was_seen(world: World) -> None:
    identifier = finished(world)
    whole = world.events(identifier)
    answer = world.client.get(f"/v1/experiments/{identifier}/events", headers=LIVE | {"Last-Event-ID": "4"})
    assert frames(answer.text) == whole[4:]
    answer = world.client.get(f"/v1/experiments/{identifier}/events", headers=LIVE | {"Last-Event-ID": "rubbish"})
    assert frames(answer.text) == whole


def test_a_stream_with_small_pages_still_holds_everything(world: World) -> None:
    identifier = finished(world)
    answer = world.client.get(f"/v1/experiments/{identifier}/events?limit=2", headers=LIVE)
    assert frames(answer.text) == world.events(identifier)


def test_a_live_stream_sees_what_happens_and_ends_with_the_experiment(world: World) -> None:
    identifier, job = world.started()
    got: list[str] = []
    reader = threading.Thread(
        target=lambda: got.append(world.client.get(f"/v1/experiments/{identifier}/events", headers=LIVE).text)
    )
    reader.start()
    for step in range(1, 6):
        job.stage(EventKind.STAGE_PROGRESS, job.stages[0], step=step, total=5, unit="steps", figures={})
        world.step()
        world.app.state.backstage.changed.notify()
    job.finish("succeeded")
    world.step()
    world.app.state.backstage.changed.notify()
    reader.join(timeout=60)
    assert frames(got[0]) == world.events(identifier)


def test_logs_come_from_ray_while_the_job_lives(world: World) -> None:
    identifier, _ = world.started()
    world.jobs.outputs[f"cftray-{identifier}-1"] = "one\ntwo\nthree\n"
    log = world.client.get(f"/v1/experiments/{identifier}/logs").json()
    assert (log["text"], log["complete"], log["terminal"]) == ("one\ntwo\nthree\n", False, False)
    log = world.client.get(f"/v1/experiments/{identifier}/logs", params={"tail": 2}).json()
    assert log["text"] == "two\nthree\n"


def test_logs_outlive_ray(world: World) -> None:
    identifier = finished(world)
    world.step()
    world.jobs.forget()
    world.jobs.reachable = False
    log = world.client.get(f"/v1/experiments/{identifier}/logs").json()
    assert (log["text"], log["complete"]) == ("the driver starts\n", True)


def test_a_log_that_only_ray_has_is_unavailable_while_ray_is_away(world: World) -> None:
    identifier, _ = world.started()
    world.jobs.reachable = False
    answer = world.client.get(f"/v1/experiments/{identifier}/logs")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_a_queued_experiment_has_an_empty_log_and_no_second_attempt(world: World) -> None:
    identifier = world.post()["id"]
    assert world.client.get(f"/v1/experiments/{identifier}/logs").json()["text"] == ""
    answer = world.client.get(f"/v1/experiments/{identifier}/logs", params={"attempt": 2})
    assert (answer.status_code, answer.json()["faults"][0]["path"]) == (422, "attempt")
