"""Workers that are plain processes of this machine: training without Ray.

Each process runs `python -m cftray.training.local_main <folder> <rank>`; request, result and failure
lie as JSON in a temporary folder that the group shares, and so does the rendezvous file of its
torch process group, so no port is taken.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray import errors
from cftray.errors import CFTRayError, ExecutionError, InfraError, InternalError
from cftray.stage import Entry, Keep, Make

GRACE_SECONDS = 3.0
"""How long the others of a failed group may take to say why they failed too."""
POLL_SECONDS = 0.02


class LocalWorkers:
    """A `Workers` over subprocesses; `threads` are those of torch in each."""

    def __init__(self, *, threads: int = 1, environment: Mapping[str, str] | None = None) -> None:
        self.threads = threads
        self.environment = dict(environment or {})
        self.running: list[subprocess.Popen[bytes]] = []

    def group(self, entry: Entry, request: Mapping[str, Any], *, size: int, accelerator: str | None, name: str) -> None:
        """See `Workers.group`."""
        self._run(entry, request, size=size, joined=True, accelerator=accelerator, name=name)

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        """See `Workers.call`."""
        return self._run(entry, request, size=1, joined=False, accelerator=accelerator, name=name)

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
        """See `Workers.map`; each process takes every n-th item."""
        shares = [[dict(item) for item in items[rank::actors]] for rank in range(actors)]
        self._run(make, request, size=actors, joined=False, accelerator=accelerator, name=name, shares=shares)

    def infer(
        self,
        request: Mapping[str, Any],  # noqa: ARG002
        prompts: Sequence[Mapping[str, Any]],  # noqa: ARG002
        keep: Keep,  # noqa: ARG002
        *,
        actors: int,  # noqa: ARG002
        accelerator: str | None,  # noqa: ARG002
        name: str,
    ) -> str:
        """See `Workers.infer`. Raises ExecutionError: only Ray's workers hold engines."""
        raise ExecutionError(
            f"{name}: vLLM answers on a GPU worker of a Ray cluster, and these are plain processes of one machine; "
            "choose decoding.engine: transformers, or run on a cluster"
        )

    def available(self, accelerator: str | None) -> int:
        """Cores, or the GPUs that CUDA_VISIBLE_DEVICES and the driver's device files show."""
        if accelerator is None:
            return os.cpu_count() or 1
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is not None:
            return len([device for device in visible.split(",") if device.strip()])
        return len(list(Path("/proc/driver/nvidia/gpus").glob("*")))

    def _run(
        self,
        entry: Entry | Make,
        request: Mapping[str, Any],
        *,
        size: int,
        joined: bool,
        accelerator: str | None,
        name: str,
        shares: list[list[dict[str, Any]]] | None = None,
    ) -> Any:
        with tempfile.TemporaryDirectory(prefix="cftray-workers-") as temporary:
            folder = Path(temporary)
            task = {"module": entry.__module__, "function": entry.__qualname__, "request": dict(request),
                    "size": size, "joined": joined, "accelerator": accelerator, "shares": shares}  # fmt: skip
            (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
            self.running = [self._start(folder, rank, size, joined) for rank in range(size)]
            try:
                codes = _wait(self.running)
            finally:
                _end(self.running)
            if any(codes):
                raise _failure(folder, codes, name)
            return json.loads((folder / "result-0.json").read_text(encoding="utf-8"))

    def _start(self, folder: Path, rank: int, size: int, joined: bool) -> subprocess.Popen[bytes]:
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
        environment = {
            **os.environ,
            **({name: str(value) for name, value in place.items()} if joined else {}),
            "GLOO_SOCKET_IFNAME": "lo",
            "OMP_NUM_THREADS": str(self.threads),
            **self.environment,
        }
        with open(folder / f"log-{rank}.txt", "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cftray.training.local_main", str(folder), str(rank)],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _wait(processes: list[subprocess.Popen[bytes]]) -> list[int | None]:
    """Exit codes once all have ended, or one failed and the others had their time of grace; None: still runs."""
    deadline = None
    while True:
        codes = [process.poll() for process in processes]
        if None not in codes or (deadline is not None and time.monotonic() > deadline):
            return codes
        if deadline is None and any(codes):
            deadline = time.monotonic() + GRACE_SECONDS
        time.sleep(POLL_SECONDS)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.kill()
    for process in processes:
        process.wait()


def _failure(folder: Path, codes: list[int | None], name: str) -> CFTRayError:
    """The cause most worth telling: an error that was raised on purpose, else a death, else any other."""
    told = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("error-*.json"))]
    for fact in told:
        kind = getattr(errors, fact["kind"], None)
        if isinstance(kind, type) and issubclass(kind, CFTRayError):
            return kind(fact["message"])
    for rank, code in enumerate(codes):
        if code is not None and code < 0:
            return InfraError(f"worker {rank} of {name} was killed by {signal.Signals(-code).name}")
    if told:
        fact = told[0]
        return InternalError(f"a worker of {name} failed: {fact['kind']}: {fact['message']}\n{fact['traceback']}")
    tail = (folder / "log-0.txt").read_text(encoding="utf-8", errors="replace")[-2000:]
    return InfraError(f"a worker of {name} ended without a word; its last output:\n{tail}")
