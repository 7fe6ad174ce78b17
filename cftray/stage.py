"""What a stage function is given and gives back.

A stage is a plain function `run(config, inputs, context) -> Artifact`: the config is identity, the
inputs are folders or files, the context says where and how. Ray is one backend of the context's
`Workers`, plain processes the other; a stage never knows which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cftray.errors import Cancelled
from cftray.spec.execution import ExecutionSpec

Entry = Callable[[Mapping[str, Any]], Any]
"""A function of a module, called in a worker process with a JSON-able request."""


Make = Callable[[Mapping[str, Any]], Callable[[Mapping[str, Any]], None]]
"""A function of a module that makes, once in each process of a pool, what handles its items."""


Keep = Callable[[Sequence[tuple[str, Sequence[int]]]], None]
"""Called in the driver with answers as they come: ids of prompts and the tokens made, the end among them."""


class Workers(Protocol):
    """Processes that compute. No method retries; all raise when a process fails or dies.

    A failure whose cause is a CFTRayError in the worker is raised as that error; a process that dies
    is an InfraError, or OutOfMemory where it was killed for memory.
    """

    def group(self, entry: Entry, request: Mapping[str, Any], *, size: int, accelerator: str | None, name: str) -> None:
        """Run `entry(request)` in `size` processes joined in one initialised torch process group."""

    def call(self, entry: Entry, request: Mapping[str, Any], *, accelerator: str | None, name: str) -> Any:
        """Run `entry(request)` in one process and return its JSON-able result."""

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
        """Handle each of the JSON-able `items` once with `make(request)`, in a pool of `actors` processes.

        What handles them leaves its results where the driver finds them.
        """

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
        """Have `prompts` answered by vLLM engines in `actors` processes; gives the engine's name and version.

        `request` names `model`, `precision`, `decoding`, `context_length` and the tokens at which an answer
        `ends`. A prompt has an `id`, its `tokens`, the `most` tokens of its answer and a `seed`. Answers come
        in any order, each once.
        """

    def available(self, accelerator: str | None) -> int:
        """How many workers of that kind the cluster can hold at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stage is: `step` of `total` in `unit`; `figures` such as loss or tokens_per_s."""

    step: int
    total: int
    unit: str
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """Execution of one attempt at one stage.

    `folder` is this attempt's own, empty at the start. `earlier` are the folders of attempts before
    it, newest first, whose checkpoints may be read. `stop` is a file whose existence asks the stage
    to stop soon; processes elsewhere poll it. `digests` are the inputs' fingerprints or digests, by name. `parts` is
    a folder that outlives the stage: what it holds is named by the digest of everything it follows from, so that any
    stage that needs the same finds it there; null: nothing is kept.
    """

    folder: Path
    execution: ExecutionSpec
    workers: Workers
    stop: Path
    earlier: tuple[Path, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    parts: Path | None = None
    report: Callable[[Progress], None] = lambda progress: None
    note: Callable[[str], None] = lambda message: None

    def raise_if_stopped(self) -> None:
        """Raises Cancelled once the stage has been asked to stop."""
        if self.stop.exists():
            raise Cancelled("stopped because it was asked to")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What a stage made: files or folders inside the attempt's folder, by name, and its figures.

    `metrics` are the numbers worth comparing; `details` is any JSON that explains them. `lacking` names what was not
    there and left something out, of the names that `cftray.runner.lacking` knows.
    """

    outputs: Mapping[str, Path]
    metrics: Mapping[str, float] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
