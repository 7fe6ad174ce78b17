"""Workers on a Ray cluster: groups through Ray Train, single calls as Ray tasks.

Ray retries nothing here (all limits 0, a fresh run name per group): only the control plane does, and
it resumes from our own checkpoints. Ray is imported and joined at first use, so that a job which
finds everything recorded never pays for it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.errors import Cancelled, CFTRayError, InfraError, OutOfMemory
from cftray.runner.telling import STARTED, end_when_over, ended, tell_start, telling, told
from cftray.stage import Entry, Keep, Make

POLL_S = 0.5
STOP_GRACE_S = 60.0
"""How long workers that were asked to stop may take to save and leave."""
MANY = 4
"""Items an actor from which on it holds two."""

TRAIN_SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    # The controller polls its workers this often; its default of 2 s is paid several times a phase.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",
    # A group waits for its turn as long as it takes; the default gives up after a minute.
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(30 * 24 * 3600),
}


class RayWorkers:
    """See `cftray.stage.Workers`. `scratch` is a folder on the shared file system; `alone` says that nobody else works
    in this process's Ray job."""

    def __init__(self, scratch: Path, address: str = "auto", *, alone: bool = True) -> None:
        self.scratch = scratch
        self.address = address
        self.alone = alone
        self._joined = threading.Lock()
        self._one_group = threading.Lock()

    def join(self) -> Any:
        """The ray module, connected to the cluster. Raises InfraError where there is none."""
        with self._joined:
            for name, value in TRAIN_SETTINGS.items():
                os.environ.setdefault(name, value)
            import ray

            if not ray.is_initialized():
                try:
                    ray.init(address=self.address, logging_level=logging.WARNING, log_to_driver=True)
                except ConnectionError as error:
                    raise InfraError(f"no Ray cluster at {self.address}: {error}; is the stack up?") from error
            return ray

    def available(self, accelerator: str | None) -> int:
        """See Workers."""
        resources = self.join().cluster_resources()
        if accelerator is None:
            return int(resources.get("CPU", 0))
        key = "GPU" if accelerator == "GPU" else f"accelerator_type:{accelerator}"
        return int(resources.get("GPU", 0)) if key in resources else 0

    def group(
        self, entry: Entry, request: Mapping[str, Any], *, size: int, accelerator: str | None, name: str
    ) -> None:
        """See Workers. One group at a time in a process: others wait."""
        self.join()
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig, TorchTrainer

        run = f"{name}-{uuid.uuid4().hex[:8]}"
        failures = self.scratch / f"{run}.failures"
        failures.mkdir(parents=True)
        trainer = TorchTrainer(
            functools.partial(_in_group, entry),
            train_loop_config={"request": dict(request), "failures": str(failures)},
            scaling_config=ScalingConfig(
                num_workers=size,
                use_gpu=accelerator is not None,
                accelerator_type=None if accelerator in (None, "GPU") else accelerator,
            ),
            run_config=RunConfig(
                name=run,
                storage_path=str(self.scratch / "ray"),
                failure_config=FailureConfig(
                    max_failures=0, controller_failure_limit=0, max_preemption_failures=0
                ),
            ),
            torch_config=TorchConfig(backend="gloo" if accelerator is None else "nccl"),
        )
        with self._one_group:
            try:
                _watched(trainer.fit, request, functools.partial(told, failures))
            except Exception:
                if self.alone:  # others' room is not told from one's own; theirs is given back when the job ends
                    with contextlib.suppress(Exception):  # a cluster that is gone keeps no room
                        self._give_back_room()
                raise

    def _give_back_room(self) -> None:
        """Remove the placement groups of this process's job.

        Ray Train's controller leaves its own behind where a worker dies while the group starts (it treats that
        as a fault of the controller and skips the group's shutdown), and Ray keeps it until the job ends:
        without this, nothing that this process starts next would ever find room.
        """
        ray = self.join()
        from ray.util.placement_group import PlacementGroup, placement_group_table, remove_placement_group

        # A placement group's id ends with its job's.
        job = ray.get_runtime_context().get_job_id()
        for identifier, entry in placement_group_table().items():
            if identifier.endswith(job) and entry["state"] != "REMOVED":
                remove_placement_group(PlacementGroup(ray.PlacementGroupID(bytes.fromhex(identifier))))

    def map(
        self,
        make: Make,
        request: Mapping[str, Any],
        items: Sequence[Mapping[str, Any]],
        *,
        actors: int,
        accelerator: str | None,
        name: str,
    ) -> None:
        """See Workers. A pool of actors over Ray Data; each item is a block of its own."""
        data = self._data()
        failures = self._failures(name)
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0}
        if accelerator is not None:
            options["num_gpus"] = 1
            if accelerator != "GPU":
                options["accelerator_type"] = accelerator

        def work() -> None:
            texts = [{"item": json.dumps(item)} for item in items]
            handled = data.from_items(texts, override_num_blocks=len(texts)).map_batches(
                _Actor,
                fn_constructor_args=(make, dict(request), str(failures)),
                batch_size=1,
                compute=data.ActorPoolStrategy(size=actors, max_tasks_in_flight_per_actor=_at_hand(len(items), actors)),
                **options,
            )
            handled.set_name(name)
            for _ in handled.iter_internal_ref_bundles():
                pass

        with ended(failures):
            _watched(work, request, functools.partial(told, failures))

    def infer(
        self,
        request: Mapping[str, Any],
        prompts: Sequence[Mapping[str, Any]],
        keep: Keep,
        *,
        actors: int,
        accelerator: str | None,
        name: str,
    ) -> str:
        """See Workers. Without an accelerator the engines are those of a vLLM built for CPUs."""
        data = self._data()
        from cftray.runner.ray_llm import Inference

        failures = self._failures(name)
        inference = Inference(request, failures)

        def work() -> None:
            inference.run(data, prompts, keep, actors=actors, accelerator=accelerator, name=name)

        with ended(failures):
            _watched(work, request, functools.partial(told, failures), inference.look)
        return inference.engine()

    def _data(self) -> Any:
        """ray.data, connected and quiet."""
        self.join()
        import ray.data

        settings = ray.data.DataContext.get_current()
        settings.enable_progress_bars = False
        settings.print_on_execution_start = False
        settings.execution_no_progress_timeout_s = -1  # others may hold the room for as long as they like
        return ray.data

    def _failures(self, name: str) -> Path:
        folder = self.scratch / f"{name}-{uuid.uuid4().hex[:8]}.failures"
        folder.mkdir(parents=True)
        return folder

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        """See Workers."""
        ray = self.join()
        failures = self._failures(name)
        # Of a trial's process, which holds no core, the room is not this task's, as Ray would have it unless told.
        options: dict[str, Any] = {"name": name, "num_cpus": 1, "max_retries": 0, "scheduling_strategy": "DEFAULT"}
        if accelerator is not None:
            options["num_gpus"] = 1
            if accelerator != "GPU":
                options["accelerator_type"] = accelerator
        task = ray.remote(**options)(_alone)
        reference = task.remote(entry, dict(request), str(failures))
        try:
            return _watched(functools.partial(ray.get, reference), request, functools.partial(told, failures))
        except Cancelled:
            ray.cancel(reference, force=False)
            raise


def _at_hand(items: int, actors: int) -> int:
    """Items that an actor holds: the one it handles, and the next, so that it waits for nobody to hand it out.

    Where items are few the next one could have been another actor's.
    """
    return 2 if items >= MANY * actors else 1


class _Actor:
    """One process of a pool."""

    def __init__(self, make: Make, request: dict[str, Any], failures: str) -> None:
        self.failures = Path(failures)
        self.rank = os.getpid()
        tell_start(request)
        end_when_over(self.failures)
        # Made at the first item: what an actor's start raises, Ray tells as a death of the actor.
        self.handler = functools.cache(functools.partial(make, request))

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Handle a batch of one item."""
        for item in batch["item"]:
            with telling(self.failures, self.rank):
                self.handler()(json.loads(item))
        return {"done": [True] * len(batch["item"])}


def _in_group(entry: Entry, config: dict[str, Any]) -> None:
    """Runs in each worker of a group."""
    import ray.train

    _told_run(entry, config["request"], Path(config["failures"]), ray.train.get_context().get_world_rank())


def _alone(entry: Entry, request: dict[str, Any], failures: str) -> Any:
    """Runs in the process of a single call."""
    return _told_run(entry, request, Path(failures), 0)


def _told_run(entry: Entry, request: dict[str, Any], failures: Path, rank: int) -> Any:
    """Run, and leave a failure of ours where the driver finds it whatever Ray wraps it in."""
    tell_start(request)
    with telling(failures, rank):
        return entry(request)


def _watched(
    work: Callable[[], Any],
    request: Mapping[str, Any],
    told: Callable[[], CFTRayError | None],
    look: Callable[[], None] = lambda: None,
) -> Any:
    """The result of `work`, run in a thread so that a stop reaches it even while it waits for room.

    Workers that run poll the stop file themselves and leave with Cancelled; work that has not ended
    `STOP_GRACE_S` after the stop is left behind, and dies with this process. `look` is called now and
    then meanwhile; what it raises ends the wait.
    """
    outcome: dict[str, Any] = {}

    def run() -> None:
        try:
            outcome["result"] = work()
        except BaseException as error:  # noqa: BLE001 - handed to the waiting thread
            outcome["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    stop = Path(request["stop"]) if "stop" in request else None
    started = Path(request["folder"]) / STARTED if "folder" in request else None
    deadline: float | None = None
    while thread.is_alive():
        thread.join(POLL_S)
        look()
        if stop is not None and stop.exists():
            deadline = deadline or time.monotonic() + STOP_GRACE_S
            waits = started is not None and not started.exists()
            if waits or time.monotonic() > deadline:
                raise Cancelled("stopped because it was asked to")
    if "error" not in outcome:
        return outcome["result"]
    raise _ours(outcome["error"], told()) from outcome["error"]


def _ours(error: BaseException, told: CFTRayError | None) -> BaseException:
    """What went wrong in our terms: what a worker said, a death, or a fault of our own code."""
    if told is not None:
        return told
    text = str(error)
    if "OutOfMemoryError" in text or "out of memory" in text.lower():
        return OutOfMemory(f"a worker was ended for memory: {_first_line(text)}")
    causes = list(getattr(error, "worker_failures", {}).values()) or [error]
    if any(_died(cause) for cause in causes):
        return InfraError(f"a worker process died: {_first_line(text)}")
    return causes[0] if isinstance(causes[0], Exception) else error


def _died(cause: BaseException) -> bool:
    names = {type(cause).__name__, type(getattr(cause, "health_check_failure", None)).__name__}
    return bool(
        names
        & {
            "WorkerHealthCheckFailedError",
            "WorkerHealthCheckTimeoutError",
            "RayActorError",
            "ActorDiedError",
            "ActorUnavailableError",
            "WorkerCrashedError",
            "NodeDiedError",
            "PreemptionError",
            "ControllerError",
        }
    )


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no message"
