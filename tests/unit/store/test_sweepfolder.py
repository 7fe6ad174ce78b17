"""What is kept of a sweep's trials."""

from __future__ import annotations

from pathlib import Path

from cftray.errors import FailureClass
from cftray.store import Failure, RungReached, SweepFolder, TrialEnd, TrialEnded

FAILURE = Failure(failure=FailureClass.DATA, code="bad-data", message="too few", retryable=False)


def reached(trial: int, rung: int) -> RungReached:
    scores = {"p1": {"ta": 0.5}, "p2": {"ta": 0.4}, "value": 0.4, "violation": 0.0}
    told = {"trial": trial, "rung": rung, "share": 0.25 * rung, "at": "2026-11-27T02:03:04.000+00:00"}
    return RungReached.model_validate(told | scores)


def test_rungs_come_back_in_order_and_of_the_trial_alone(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    for trial, rung in ((1, 10), (1, 2), (11, 1), (1, 1)):
        folder.reach(reached(trial, rung))
    assert [one.rung for one in folder.rungs(1)] == [1, 2, 10]
    assert folder.rungs(2) == []


def test_the_first_word_on_an_end_counts_and_a_failure_may_be_forgotten(tmp_path: Path) -> None:
    folder = SweepFolder(tmp_path)
    assert folder.ended(1) is None
    folder.end(TrialEnded(trial=1, end=TrialEnd.STOPPED, rung=1))
    folder.end(TrialEnded(trial=1, end=TrialEnd.FINISHED, rung=3))
    folder.end(TrialEnded(trial=2, end=TrialEnd.FAILED, rung=0, failure=FAILURE))
    for trial in (1, 2, 3):
        folder.try_again(trial)
    assert folder.ended(1) == TrialEnded(trial=1, end=TrialEnd.STOPPED, rung=1)
    assert folder.ended(2) is None
