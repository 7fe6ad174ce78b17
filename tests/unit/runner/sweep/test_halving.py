"""Tune's successive halving, told of rungs, over several attempts of a job. No cluster: its scheduler alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from cftray.runner.sweep.halving import Halving
from cftray.spec.sweep import EarlyStopping
from cftray.store import SweepFolder, TrialEnd

STOPPING = EarlyStopping(grace=0.25, reduction_factor=2)
GO_ON, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


class Sweep:
    """Trials that report to a scheduler."""

    def __init__(self, folder: Path, attempt: str = "a") -> None:
        self.scheduler = Halving(STOPPING, folder)
        self.attempt = attempt
        self.trials: dict[int, Any] = {}

    def report(self, number: int, rung: int, rank: float) -> str:
        if number not in self.trials:
            trial = SimpleNamespace(trial_id=f"{self.attempt}{number}", config={"trial": number})
            self.trials[number] = trial
            self.scheduler.on_trial_add(None, trial)
        result = {"rung": rung, "time": 2 ** (rung - 1), "rank": rank}
        decision = self.scheduler.on_trial_result(None, self.trials[number], result)
        if decision == STOP:
            self.scheduler.on_trial_complete(None, self.trials[number], result)
        return decision


def test_the_better_half_of_those_that_came_goes_on(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    assert [sweep.report(number, 1, rank) for number, rank in ((1, 0.2), (2, 0.3), (3, 0.1), (4, 0.4))] == [
        GO_ON, GO_ON, STOP, GO_ON,
    ]  # fmt: skip
    assert [sweep.report(number, 2, rank) for number, rank in ((2, 0.5), (1, 0.3), (4, 0.6))] == [GO_ON, STOP, GO_ON]
    folder = SweepFolder(tmp_path)
    assert {number: folder.ended(number) and folder.ended(number).rung for number in (1, 2, 3, 4)} == {
        1: 2, 2: None, 3: 1, 4: None,
    }  # fmt: skip


def test_the_end_of_a_trial_is_not_told_as_a_stop(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    for rung in (1, 2):
        assert sweep.report(1, rung, 0.5) == GO_ON
    sweep.report(1, 3, 0.5)
    assert SweepFolder(tmp_path).ended(1) is None


def test_the_next_attempt_judges_by_what_the_first_has_seen(tmp_path: Path) -> None:
    first = Sweep(tmp_path)
    for number, rank in ((1, 0.2), (2, 0.6)):
        first.report(number, 1, rank)
    second = Sweep(tmp_path, "b")
    assert second.report(3, 1, 0.3) == STOP, "below the median of the first attempt's two"
    assert second.report(1, 1, 0.0) == GO_ON, "it was let go on there, and is not asked again"
    fresh = Sweep(tmp_path / "empty")
    assert fresh.report(3, 1, 0.3) == GO_ON


def test_a_trial_that_is_over_in_a_later_attempt_stands_once_at_each_rung(tmp_path: Path) -> None:
    first = Sweep(tmp_path)
    for number, rank in ((1, 0.30), (2, 0.32)):
        first.report(number, 1, rank)
    first.report(2, 2, 0.60)
    second = Sweep(tmp_path, "b")
    assert second.report(1, 1, 0.30) == GO_ON
    assert second.report(1, 2, 0.55) == STOP
    assert second.report(3, 1, 0.315) == GO_ON, "0.315 is above the median of 0.30 and 0.32, which alone came there"


def test_who_was_stopped_is_kept_with_the_rung(tmp_path: Path) -> None:
    sweep = Sweep(tmp_path)
    sweep.report(1, 1, 0.9)
    sweep.report(2, 1, 0.1)
    ended = SweepFolder(tmp_path).ended(2)
    assert ended is not None
    assert (ended.end, ended.rung) == (TrialEnd.STOPPED, 1)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_rungs_of_a_sweep_are_the_scheduler_s_milestones(tmp_path: Path, factor: int) -> None:
    stopping = EarlyStopping(grace=0.05, reduction_factor=factor)
    scheduler = Halving(stopping, tmp_path)
    milestones = sorted(milestone for milestone, _ in scheduler._brackets[0]._rungs)
    assert milestones[: len(stopping.rungs)] == [factor**rung for rung in range(len(stopping.rungs))]
