"""One trial, in a process that holds no core: rung by rung it walks its stages and reports how it stands."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from cftray.errors import Cancelled, CFTRayError, FailureClass, InfraError
from cftray.plan import Plan, Trial
from cftray.plan.sweeping import shared_stages
from cftray.runner.failures import failure_of
from cftray.runner.sweep.scoring import rank, reached
from cftray.runner.walk import Walk
from cftray.stage import Workers
from cftray.store import EventWriter, Failure, JobFolder, Store, SweepFolder, TrialEnd, TrialEnded

Report = Callable[[int, float], None]
"""Told of each rung, from 1, with the trial's rank there; does not return where the trial is stopped."""

log = logging.getLogger("cftray.sweep")


class NothingToScore(CFTRayError):
    """A trial whose phase 2 was left out, because P1 did not come up to the spec's gate."""

    code = "nothing-to-score"
    failure = FailureClass.USER


def run_trial(
    store: Store,
    folder: JobFolder,
    number: int,
    workers: Workers,
    report: Report,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Walk a trial to its end, or to where it fails: how it ended is in the sweep's folder then.

    Nothing is written where it is stopped or cancelled. Raises InfraError where the platform failed.
    """
    request = folder.request()
    assert request.sweep is not None
    trial = request.plan.trials[number - 1]
    known = store.sweep(request.experiment, request.plan)
    events = EventWriter(folder.trial(number))
    failure: Failure | None = None
    done = 0
    tried = {name for name in shared_stages(request.plan) if request.plan.stage(name).optional}
    try:
        for rung, at in enumerate(trial.rungs, 1):
            only = tuple(name for name in at.stages if name not in tried)
            walk = Walk.of(store, folder, workers, events, only=only, wait=wait)
            failure = walk.run() or _left_out(request.plan, trial, rung, store)
            if failure is not None:
                break
            there = reached(request.plan, trial, rung, store, request.sweep.objective)
            known.reach(there)
            done = rung
            if rung == len(trial.rungs):
                known.end(TrialEnded(trial=number, end=TrialEnd.FINISHED, rung=rung))
            report(rung, rank(there.value, there.violation))
    except CFTRayError as error:
        failure = failure_of(error, None)
    if failure is not None:
        _failed(known, number, done, failure)


def _left_out(plan: Plan, trial: Trial, rung: int, store: Store) -> Failure | None:
    """Why there is no P2 to score where the walk went through: its gate is closed."""
    for outcome in trial.rungs[rung - 1].outcomes:
        name = outcome.p2_scores
        fingerprint = plan.stage(name).fingerprint if name is not None else None
        if fingerprint is None or store.record(fingerprint) is None:
            told = "phase 2 was left out by the gate, so there is nothing to score; lower the gate, or leave it out"
            return failure_of(NothingToScore(told), outcome.gate or name)
    return None


def _failed(known: SweepFolder, number: int, rung: int, failure: Failure) -> None:
    if failure.code == Cancelled.code:
        return
    if failure.retryable:
        raise InfraError(f"trial {number}: {failure.message}")
    log.warning("trial %d failed: %s", number, failure.message)
    known.end(TrialEnded(trial=number, end=TrialEnd.FAILED, rung=rung, failure=failure))
