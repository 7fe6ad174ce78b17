"""A trial's walk from rung to rung, without Ray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cftray.errors import DataError, InfraError
from cftray.plan.sweeping import shared_stages
from cftray.runner import walk as walking
from cftray.runner.sweep.trial import run_trial
from cftray.store import TrialEnd
from cftray.store.events import EventKind, EventLog
from tests.unit.runner.sweep.conftest import SWEEP, Toy


class Stopped(BaseException):
    """In the place of Tune, which ends a trial within its report."""


def run(toy: Toy, number: int = 1, attempt: int = 1, stop_at: int | None = None) -> list[tuple[int, float]]:
    told: list[tuple[int, float]] = []

    def report(rung: int, rank: float) -> None:
        told.append((rung, rank))
        if rung == stop_at:
            raise Stopped

    workers: Any = None
    run_trial(toy.store, toy.job(attempt), number, workers, report, lambda seconds: None)
    return told


def test_it_is_scored_at_each_rung_and_finished_at_the_last(toy: Toy) -> None:
    toy.p2 = {"t01.evaluate.p2.s17.r1": (0.5, 0.2), "t01.evaluate.p2.s17": (0.45, 0.4)}
    assert run(toy) == [(1, 0.2), (2, 0.4)]
    known = toy.known
    first, last = known.rungs(1)
    assert (first.share, first.p1, first.p2) == (0.5, {"la": 0.1, "ta": 0.6}, {"la": 0.2, "ta": 0.5})
    assert (last.share, last.value, last.violation) == (1.0, 0.4, 0.0)
    assert known.ended(1) is not None
    assert known.ended(1).end is TrialEnd.FINISHED
    assert known.ended(2) is None


def test_who_misses_a_constraint_ranks_below_everybody_who_keeps_to_it(toy: Toy) -> None:
    toy.p2 = {"t01.evaluate.p2.s17.r1": (0.1, 0.9), "t01.evaluate.p2.s17": (0.3, 0.9)}
    (_, worse), (_, bad) = run(toy)
    assert (worse, bad) == (pytest.approx(-1.3), pytest.approx(-1.1))
    assert toy.known.rungs(1)[0].violation == pytest.approx(0.3)


def test_nothing_behind_the_rung_runs_where_it_is_stopped_and_another_trial_finds_what_they_share(toy: Toy) -> None:
    with pytest.raises(Stopped):
        run(toy, stop_at=1)
    assert "t01.train.p2.s17.r1" in toy.ran
    assert "t01.train.p2.s17" not in toy.ran
    assert toy.known.ended(1) is None, "Tune's scheduler writes that down"
    before = len(toy.ran)
    run(toy, number=2)
    assert toy.ran[before:] == [
        "t02.train.p2.s17.r1", "t02.evaluate.p2.s17.r1", "t02.train.p2.s17", "t02.evaluate.p2.s17",
    ]  # fmt: skip
    kinds = [event.kind for event in EventLog(toy.job().trial(2)).after(0)]
    assert EventKind.STAGE_CACHED in kinds


def test_an_analysis_that_all_trials_share_is_tried_once_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = Toy(tmp_path, monkeypatch, spec=SWEEP["spec"] | {"analysis": ["des", "representations"]})
    toy.failing = {"des": DataError("no rows")}
    workers: Any = None
    job = toy.job()
    before = walking.Walk.of(toy.store, job, workers, job.writer(), only=shared_stages(toy.plan))
    assert before.run() is None
    for number in (1, 2):
        assert [rung for rung, _ in run(toy, number)] == [1, 2]
    assert toy.ran.count("des") == 1
    assert {"t01.representations.s17", "t02.representations.s17"} <= set(toy.ran)


def test_a_failure_of_its_own_ends_the_trial_and_is_kept(toy: Toy) -> None:
    toy.failing = {"t01.train.p2.s17": DataError("nothing to train on")}
    assert run(toy) == [(1, 0.3)]
    ended = toy.known.ended(1)
    assert ended is not None
    assert (ended.end, ended.rung) == (TrialEnd.FAILED, 1)
    assert ended.failure is not None
    assert ended.failure.message == "nothing to train on"


def test_a_failure_of_the_platform_is_raised_and_leaves_the_trial_open_for_the_next_attempt(toy: Toy) -> None:
    toy.failing = {"t01.train.p2.s17": InfraError("a worker process died")}
    with pytest.raises(InfraError, match=r"^trial 1: a worker process died$"):
        run(toy)
    assert toy.known.ended(1) is None
    toy.failing = {}
    toy.ran.clear()
    assert [rung for rung, _ in run(toy, attempt=2)] == [1, 2]
    assert toy.ran == ["t01.train.p2.s17", "t01.evaluate.p2.s17"], "what the first attempt recorded is kept"


def test_a_closed_gate_leaves_nothing_to_score_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gated = Toy(tmp_path, monkeypatch, spec=SWEEP["spec"] | {"gate": [{"score": "ta", "at_least": 0.9}]})
    monkeypatch.setattr(walking, "closed", lambda record: "ta is 0.600 (at least 0.9 wanted)")
    assert run(gated) == []
    assert not any("train.p2" in name for name in gated.ran)
    ended = gated.known.ended(1)
    assert ended is not None
    assert ended.failure is not None
    assert (ended.failure.failure, ended.failure.code) == ("user", "nothing-to-score")


def test_asked_to_stop_it_leaves_no_word(toy: Toy) -> None:
    toy.job().ask_to_stop("cancelled")
    assert run(toy) == []
    assert toy.known.ended(1) is None


def test_a_score_that_is_not_there_fails_the_trial_in_words(toy: Toy, tmp_path: Any, monkeypatch: Any) -> None:
    other = Toy(tmp_path / "other", monkeypatch, objective={"maximise": "la/xlsum"})
    assert run(other) == []
    ended = other.known.ended(1)
    assert ended is not None
    assert ended.failure is not None
    assert ended.failure.message.startswith("P1 has no score la/xlsum: ")
