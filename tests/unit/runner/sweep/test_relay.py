"""Trials' events in the job's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cftray.errors import DataError
from cftray.plan.sweeping import shared_stages
from cftray.runner.sweep.relay import Relay
from cftray.runner.sweep.trial import run_trial
from cftray.runner.walk import Walk
from cftray.store import TrialEnd, TrialEnded
from cftray.store.events import Event, EventKind, EventLog
from tests.unit.runner.sweep.conftest import RATE, Toy

NOBODY: Any = None


def relayed(toy: Toy, attempt: int = 1) -> list[Event]:
    return list(toy.job(attempt).events().after(0))


def run(toy: Toy, number: int, attempt: int = 1) -> None:
    run_trial(toy.store, toy.job(attempt), number, NOBODY, lambda rung, rank: None, lambda seconds: None)


def test_what_trials_write_comes_into_the_job_s_file_once_with_their_scores(toy: Toy) -> None:
    job = toy.job()
    with Relay(toy.store, job, job.writer(), every_s=60) as relay:
        run(toy, 1)
        relay.look()
        relay.look()
        run(toy, 2)
    events = relayed(toy)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    recorded = [event.stage for event in events if event.kind is EventKind.STAGE_RECORDED]
    assert len(recorded) == len(set(recorded))
    assert {"train.p1.s17", "t01.evaluate.p2.s17", "t02.train.p2.s17.r1"} <= set(recorded)
    scored = [(event.data["trial"], event.data["rung"]) for event in events if event.kind is EventKind.TRIAL_SCORED]
    assert scored == [(1, 1), (1, 2), (2, 1), (2, 2)]
    ends = [(event.data["trial"], event.data["end"]) for event in events if event.kind is EventKind.TRIAL_ENDED]
    assert ends == [(1, "finished"), (2, "finished")]


def test_what_several_trials_find_recorded_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay = {"kind": "generative_replay", "ratio": 0.1}
    toy = Toy(tmp_path, monkeypatch, space={RATE: [1e-4, 2e-4], "mitigation": [{"kind": "none"}, replay]})
    job = toy.job()
    shared = Walk.of(toy.store, job, NOBODY, job.writer(), only=shared_stages(toy.plan))
    assert shared.run() is None
    with Relay(toy.store, job, job.writer(), every_s=60):
        for trial in toy.plan.trials:
            run(toy, trial.number)
    own = [event for trial in toy.plan.trials for event in EventLog(job.trial(trial.number)).after(0)]
    assert sum(event.kind is EventKind.STAGE_CACHED for event in own) > len(shared_stages(toy.plan))
    told = [event for event in relayed(toy) if event.kind in (EventKind.STAGE_CACHED, EventKind.STAGE_RECORDED)]
    assert sorted(event.stage for event in told) == sorted(node.name for node in toy.plan.stages)


def test_what_a_stopped_trial_alone_would_still_have_needed_is_left_out(toy: Toy) -> None:
    job, known = toy.job(), toy.known
    with Relay(toy.store, job, job.writer(), every_s=60):
        run(toy, 1)
        known.end(TrialEnded(trial=2, end=TrialEnd.STOPPED, rung=1))
    skipped = {event.stage: event.data["why"] for event in relayed(toy) if event.kind is EventKind.STAGE_SKIPPED}
    assert skipped == dict.fromkeys(
        ["t02.train.p2.s17", "t02.evaluate.p2.s17"], "trial 2 was stopped after 50 % of phase 2"
    )


def test_what_comes_behind_a_failed_stage_is_left_out_and_the_stage_stays_failed(toy: Toy) -> None:
    toy.failing = {"t02.train.p2.s17.r1": DataError("nothing to train on")}
    job = toy.job()
    with Relay(toy.store, job, job.writer(), every_s=60):
        run(toy, 2)
    last = {event.stage: event for event in relayed(toy) if event.stage is not None}
    assert last["t02.train.p2.s17.r1"].kind is EventKind.STAGE_FAILED
    for name in ("t02.evaluate.p2.s17.r1", "t02.train.p2.s17", "t02.evaluate.p2.s17"):
        assert (last[name].kind, last[name].data["why"]) == (EventKind.STAGE_SKIPPED, "trial 2 failed")


def test_the_next_attempt_leaves_out_again_what_was_left_out_and_tells_no_end_twice(toy: Toy) -> None:
    toy.known.end(TrialEnded(trial=3, end=TrialEnd.STOPPED, rung=1))
    job = toy.job(2)
    with Relay(toy.store, job, job.writer(), every_s=60):
        pass
    events = relayed(toy, 2)
    assert {event.kind for event in events} == {EventKind.STAGE_SKIPPED}
    assert {event.stage for event in events} == {"t03.train.p2.s17", "t03.evaluate.p2.s17"}
