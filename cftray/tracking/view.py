"""What the control plane knows of an experiment when it asks for it to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cftray.plan import Plan
from cftray.report.matrix import CellPlan
from cftray.spec import ExperimentSpec, ModelEvaluationSpec, SimilaritySpec, SweepSpec
from cftray.store import Failure


class ExperimentState(StrEnum):
    """Where an experiment is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePoint:
    """One progress event: `figures` such as loss, learning_rate, grad_norm, tokens_per_s at `step`."""

    step: int
    at: datetime
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStage:
    """A stage that this experiment's own job has begun. `points` may be the newest only, or all so far:
    those known are not written twice, and the record brings those that were missed."""

    started_at: datetime
    points: tuple[LivePoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """What is known of everything that has a plan; `links` are addresses by what they lead to (`report`).
    Times are aware."""

    plan: Plan
    state: ExperimentState
    created_at: datetime
    finished_at: datetime | None = None
    failure: Failure | None = None
    links: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentView(_Planned):
    """All that MLflow shows of an experiment, records aside, which are read from the store.

    `live` is by stage name; `environment` is any JSON about the service. Times are aware.
    """

    experiment: str
    spec: ExperimentSpec
    live: Mapping[str, LiveStage] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationView(_Planned):
    """All that MLflow shows of a single model's evaluation, records aside. Times are aware."""

    evaluation: str
    spec: ModelEvaluationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityView(_Planned):
    """All that MLflow shows of a comparison of data sets, records aside. Times are aware."""

    similarity: str
    spec: SimilaritySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepView(_Planned):
    """All that MLflow shows of a sweep; its trials are told from the store, those that came to no rung yet by the names
    of stages that are `busy`. Times are aware."""

    sweep: str
    spec: SweepSpec
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixView:
    """A matrix whose cells are all over; `document` is as it was submitted. Times are aware."""

    matrix: str
    name: str
    document: Mapping[str, Any]
    cells: tuple[CellPlan, ...]
    created_at: datetime
    finished_at: datetime | None = None
    links: Mapping[str, str] = field(default_factory=dict)
