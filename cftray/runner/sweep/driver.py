"""The job of a sweep: what all trials share first, then the trials under Ray Tune.

A trial is a process without a core: cores are for the workers of its stages, of whom a driver that held one would be
the first to go short. How many run side by side follows from how many have room to train. What an attempt has found out
is in the sweep's folder and in records, so the next one runs only trials that have not come to their end.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.errors import Cancelled, CFTRayError, InfraError
from cftray.plan.sweeping import shared_stages
from cftray.runner.failures import failure_of
from cftray.runner.ray_workers import RayWorkers
from cftray.runner.sweep.relay import Relay
from cftray.runner.sweep.trial import run_trial
from cftray.runner.walk import Walk
from cftray.spec import ExecutionSpec
from cftray.store import EventWriter, Failure, JobFolder, JobRequest, Store, TrialEnd
from cftray.training.limits import group_size

DRIVER_BYTES = 400 * 2**20
"""Of memory, which Ray counts for each trial's process."""

TUNE_SETTINGS = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}

log = logging.getLogger("cftray.sweep")


def run_sweep(store: Store, folder: JobFolder, events: EventWriter, workers: RayWorkers) -> Failure | None:
    """Every trial to its end; None once at least one was trained whole, else why not (events tell it too)."""
    request = folder.request()
    failure = Walk.of(store, folder, workers, events, only=shared_stages(request.plan)).run()
    if failure is not None:
        return failure
    known = store.sweep(request.experiment, request.plan)
    for trial in request.plan.trials:
        known.try_again(trial.number)
    left = [trial.number for trial in request.plan.trials if known.ended(trial.number) is None]
    with Relay(store, folder, events):
        if left:
            try:
                _tune(store, folder, workers, left)
            except Exception as error:  # noqa: BLE001 - every failure becomes an outcome
                return failure_of(error, None)
    return _outcome(store, folder, request)


def _tune(store: Store, folder: JobFolder, workers: RayWorkers, trials: list[int]) -> None:
    """Raises InfraError where a trial's process died or the platform failed it: the next attempt goes on."""
    request = folder.request()
    assert request.sweep is not None
    os.environ.update(TUNE_SETTINGS)
    workers.join()
    from ray import tune

    from cftray.runner.sweep.halving import RANK, TRIAL, Halving

    stopping = request.sweep.early_stopping
    most = request.sweep.concurrency or _room(workers, request.execution)
    log.info("%d trials, %d at a time", len(trials), most)
    trainable = tune.with_resources(
        tune.with_parameters(_trainable, root=str(store.root), job=str(folder.folder), factor=_factor(request)),
        {"cpu": 0, "memory": DRIVER_BYTES},
    )
    tuner = tune.Tuner(
        trainable,
        param_space={TRIAL: tune.grid_search(trials)},
        tune_config=tune.TuneConfig(
            metric=None if stopping else RANK,
            mode=None if stopping else "max",
            scheduler=Halving(stopping, store.sweep(request.experiment, request.plan).folder) if stopping else None,
            max_concurrent_trials=most,
            reuse_actors=False,
            trial_dirname_creator=lambda trial: f"trial-{trial.config[TRIAL]}",
        ),
        run_config=tune.RunConfig(
            name=request.experiment,
            storage_path=str(folder.folder / "scratch" / "tune"),
            failure_config=tune.FailureConfig(max_failures=0, fail_fast=True),
            verbose=0,
        ),
    )
    found = tuner.fit()
    if found.errors:
        raise _ours(found.errors[0])


def _trainable(config: Mapping[str, Any], *, root: str, job: str, factor: int) -> None:
    """In a trial's process."""
    from ray import tune

    from cftray.runner.sweep.halving import RANK, RUNG, TIME, TRIAL

    store, folder, number = Store(Path(root)), JobFolder(Path(job)), int(config[TRIAL])
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def report(rung: int, rank: float) -> None:
        tune.report({RUNG: rung, TIME: factor ** (rung - 1), RANK: rank})

    run_trial(store, folder, number, RayWorkers(folder.folder / "scratch" / f"trial-{number}", alone=False), report)


def _factor(request: JobRequest) -> int:
    stopping = request.sweep.early_stopping if request.sweep else None
    return stopping.reduction_factor if stopping else 1


def _room(workers: RayWorkers, execution: ExecutionSpec) -> int:
    """How many trials can train side by side; at least one, which waits for room as an experiment does."""
    free = max(1, workers.available(execution.accelerator))
    return max(1, free // group_size(execution, free))


def _ours(error: BaseException) -> CFTRayError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return InfraError(f"a trial's process failed: {lines[-1][:300] if lines else type(error).__name__}")


def _outcome(store: Store, folder: JobFolder, request: JobRequest) -> Failure | None:
    if folder.stop.exists():
        return failure_of(Cancelled("stopped because it was asked to"), None)
    known = store.sweep(request.experiment, request.plan)
    ended = [known.ended(trial.number) for trial in request.plan.trials]
    if any(one is None for one in ended):
        missing = ", ".join(str(number) for number, one in enumerate(ended, 1) if one is None)
        return failure_of(InfraError(f"no word of trials {missing}; the next attempt runs them again"), None)
    if any(one is not None and one.end is TrialEnd.FINISHED for one in ended):
        return None
    first = next((one.failure for one in ended if one is not None and one.failure is not None), None)
    if first is None:
        return None
    return first.model_copy(update={"message": f"no trial came to its end; the first to fail: {first.message}"})
