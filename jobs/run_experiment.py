"""One attempt at one experiment, or at whatever else is planned, as a Ray job.

    python -m jobs.run_experiment --store DIR --experiment exp_… --attempt 1

Reads the request that the control plane left in the job's folder, walks its plan, and tells of it in
numbered events. The control plane need not be up. Ends with 0 when every stage is recorded, or left out
because its gate is closed, 1 else.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from pathlib import Path

from cftray.errors import Cancelled, CFTRayError
from cftray.plan import StageKind
from cftray.runner.heartbeat import Heartbeat
from cftray.runner.ray_workers import RayWorkers
from cftray.runner.readiness import unready
from cftray.runner.sweep.driver import run_sweep
from cftray.runner.walk import Walk
from cftray.store import EventWriter, Failure, JobFolder, Store
from cftray.store.events import EventKind

HEARTBEAT_S = 2.0

log = logging.getLogger("cftray.job")


def main(arguments: list[str] | None = None) -> int:
    """Run one attempt; returns the exit status."""
    parser = argparse.ArgumentParser(description="One attempt at one experiment, as a Ray job.")
    parser.add_argument("--store", type=Path, required=True, help="the store's folder")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--attempt", type=int, required=True)
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    store = Store(given.store)
    folder = store.job(given.experiment, given.attempt)
    with Heartbeat(folder.beat, HEARTBEAT_S):
        return run(store, folder)


def run(store: Store, folder: JobFolder) -> int:
    """Walk the requested plan; the last event tells the outcome."""
    request = folder.request()
    events = folder.writer()
    events.write(EventKind.JOB_STARTED, process=os.getpid(), ray_job=os.environ.get("RAY_JOB_SUBMISSION_ID"))
    log.info("%s, attempt %d: %d stages", request.experiment, request.attempt, len(request.plan.stages))
    workers = RayWorkers(folder.folder / "scratch")
    if _needs_workers(store, folder):
        threading.Thread(target=_join_early, args=(workers,), daemon=True).start()
    failure = unready(request.plan, store, os.environ)
    if failure is None:
        failure = _work(store, folder, events, workers)
    else:
        fingerprint = request.plan.stage(str(failure.stage)).fingerprint
        events.write(EventKind.STAGE_FAILED, failure.stage, fingerprint, failure=failure.model_dump(mode="json"))
    outcome = _outcome(failure)
    events.write(
        EventKind.JOB_FINISHED, outcome=outcome, failure=failure.model_dump(mode="json") if failure else None
    )
    log.info("%s: %s%s", request.experiment, outcome, f": {failure.message}" if failure else "")
    return 0 if failure is None else 1


def _work(store: Store, folder: JobFolder, events: EventWriter, workers: RayWorkers) -> Failure | None:
    """What was asked for; why it came to nothing, where it did."""
    if folder.request().sweep is not None:
        return run_sweep(store, folder, events, workers)
    return Walk.of(store, folder, workers, events).run()


def _outcome(failure: Failure | None) -> str:
    if failure is None:
        return "succeeded"
    return "cancelled" if failure.code == Cancelled.code else "failed"


def _needs_workers(store: Store, folder: JobFolder) -> bool:
    computing = (StageKind.TRAIN, StageKind.TRAIN_PART, StageKind.REQUESTS, StageKind.EVALUATE)
    stages = [node for node in folder.request().plan.stages if node.kind in computing]
    return any(node.fingerprint and store.record(node.fingerprint) is None for node in stages)


def _join_early(workers: RayWorkers) -> None:
    """Connect to Ray while the first stages prepare data; a failure shows where it matters."""
    try:
        workers.join()
        import ray.train.torch  # noqa: F401 - a second of imports, off the way of the first phase
    except CFTRayError as error:
        log.warning("%s", error.message)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of Ray may still wait for workers that were told to stop; the job is over all the same.
    os._exit(status)
