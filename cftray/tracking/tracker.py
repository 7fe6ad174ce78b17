"""What CFTRay uses of MLflow: experiments, runs, logged models. Small, so that it has a local twin.

Every call names its run or model by id: MLflow's "active run" is thread-local state and never used.
Raises MlflowDown for trouble with the connection, and whoever called tries again later; MlflowRefused
for everything else that MLflow says no to, such as a run that somebody deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Protocol

from cftray.errors import CFTRayError, InfraError

KEY_LENGTH = 250
"""Characters of a metric's, parameter's or tag's name that MLflow keeps."""

TAG_LENGTH = 8000
"""Characters of a tag's value that MLflow keeps."""


class MlflowDown(InfraError):
    """MLflow can't be reached, or did not answer in time. Nothing is lost: it is written later."""

    code: ClassVar[str] = "mlflow-down"


class MlflowRefused(CFTRayError):
    """MLflow answered, and did not do what it was asked."""

    code: ClassVar[str] = "mlflow-refused"


class RunStatus(StrEnum):
    """MLflow's own states of a run."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @property
    def final(self) -> bool:
        """Whether the run is over."""
        return self not in (RunStatus.SCHEDULED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a metric. `at` is in milliseconds since the epoch."""

    name: str
    value: float
    step: int = 0
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A run as the tracker has it; `metrics` are the latest values, `models` what it is said to have made."""

    run_id: str
    project_id: str
    name: str
    status: RunStatus
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    models: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelState:
    """A logged model as the tracker has it."""

    model_id: str
    project_id: str
    name: str
    kind: str
    source_run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


class Tracker(Protocol):
    """The operations; each is one request or a few, and none retries."""

    def ensure_project(self, name: str) -> str:
        """The id of MLflow's experiment of that name; made, or restored from the bin, where missing."""

    def find_run(self, tags: Mapping[str, str], project_id: str | None = None) -> RunState | None:
        """The oldest run that carries all `tags`, in one project or in all that CFTRay made."""

    def run(self, run_id: str) -> RunState | None:
        """The run, or None where there is none (any more)."""

    def create_run(self, project_id: str, name: str, *, started_at: int, tags: Mapping[str, str]) -> RunState:
        """A new run, RUNNING since `started_at` (milliseconds)."""

    def log(
        self,
        run_id: str,
        *,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> None:
        """Write points, parameters (once: they never change) and, with the last of them, tags. Points
        count for the model too."""

    def steps(self, run_id: str, metric: str) -> frozenset[int]:
        """The steps at which the run has a value of that metric."""

    def write_text(self, run_id: str, path: str, text: str) -> None:
        """Store or replace an artifact of the run."""

    def write_folder(self, run_id: str, path: str, folder: Path) -> None:
        """Store or replace the files of a folder as artifacts of the run under `path`."""

    def set_status(self, run_id: str, status: RunStatus, *, ended_at: int | None = None) -> None:
        """Set the state; a final one with the time (milliseconds) at which it was reached."""

    def link_models(self, run_id: str, model_ids: Sequence[str]) -> None:
        """Show the models as made by the run. Not idempotent: see `RunState.models`."""

    def find_model(self, project_id: str, tags: Mapping[str, str]) -> ModelState | None:
        """The oldest logged model of the project that carries all `tags`."""

    def create_model(
        self,
        project_id: str,
        name: str,
        *,
        kind: str,
        source_run_id: str,
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> ModelState:
        """A new logged model, READY; its weights are elsewhere."""

    def tag_model(self, model_id: str, tags: Mapping[str, str]) -> None:
        """Write tags of a logged model."""
