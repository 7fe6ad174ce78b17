"""What a run shows of anything that was asked for: what it is called, how it stands, why it failed, where to look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from cftray.store import Failure
from cftray.tracking.images import NOTE_END, milliseconds, shortened
from cftray.tracking.tracker import RunStatus
from cftray.tracking.view import ExperimentState

STATUS = {
    ExperimentState.QUEUED: RunStatus.SCHEDULED,
    ExperimentState.RUNNING: RunStatus.RUNNING,
    ExperimentState.SUCCEEDED: RunStatus.FINISHED,
    ExperimentState.FAILED: RunStatus.FAILED,
    ExperimentState.CANCELLED: RunStatus.KILLED,
}
NOT_PARAMS = frozenset({"name", "project", "labels"})
KIND_TAG = "cftray.kind"


class _Spec(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> tuple[str, ...]: ...


class Asked(Protocol):
    """A view of something with a spec."""

    @property
    def spec(self) -> _Spec: ...
    @property
    def state(self) -> ExperimentState: ...
    @property
    def finished_at(self) -> datetime | None: ...
    @property
    def failure(self) -> Failure | None: ...


def asked_tags(view: Asked, identity: Mapping[str, str]) -> dict[str, str]:
    """The identity, the spec's name and labels, the state, and why and where it failed."""
    tags = {
        **identity,
        **source_tags(identity[KIND_TAG]),
        "cftray.name": view.spec.name,
        "cftray.state": view.state.value,
    }
    if view.spec.labels:
        tags["cftray.labels"] = ", ".join(view.spec.labels)
    return tags | failure_tags(view.failure)


def failure_tags(failure: Failure | None) -> dict[str, str]:
    """Why something failed, and where."""
    if failure is None:
        return {}
    tags = {"cftray.failure": shortened(f"{failure.failure.value}: {failure.message}")}
    return tags | ({"cftray.failed_stage": failure.stage} if failure.stage else {})


def source_tags(kind: str) -> dict[str, str]:
    """What MLflow shows as a run's source and user."""
    return {"mlflow.source.name": kind, "mlflow.source.type": "JOB", "mlflow.user": "cftray"}


def ended_at(view: Asked) -> int | None:
    """Milliseconds since the epoch, once the state is final."""
    return milliseconds(view.finished_at) if STATUS[view.state].final and view.finished_at else None


def note(*parts: str, failure: Failure | None = None, links: Mapping[str, str]) -> str:
    """Markdown: the parts that say something, a failure's first line, the links."""
    told = list(parts)
    if failure is not None:
        where = f" in {failure.stage}" if failure.stage else ""
        told.append(f"Failed{where} ({failure.failure.value}): {failure.message.splitlines()[0]}")
    told += [" · ".join(f"[{name}]({address})" for name, address in links.items()), NOTE_END]
    return "\n\n".join(part for part in told if part)


def figures_table(figures: Mapping[str, float]) -> str:
    """Markdown of two columns; empty where there are no figures."""
    rows = [f"| {name} | {value:.3f} |" for name, value in figures.items()]
    return "\n".join(["| | |", "|---|---|", *rows]) if rows else ""
