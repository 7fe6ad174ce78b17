"""What the API says about experiments. Every answer on one carries `terminal`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.experiments.states import Outcome, StageState, State
from cftray.errors import FailureClass
from cftray.plan import StageKind
from cftray.report.results import Results
from cftray.report.similarity import SimilarityResult
from cftray.report.trials import SweepResults, TrialTold
from cftray.spec import ExperimentSpec, ModelEvaluationSpec, SimilaritySpec, SweepSpec


class FailureView(BaseModel):
    """Why something failed, and whose move is next."""

    failure: Annotated[FailureClass, Field(serialization_alias="class")]
    code: str
    message: str
    retryable: bool
    stage: str | None = None
    log_tail: str = ""


class StageProgress(BaseModel):
    """How far a running stage is; `eta_seconds` follows from its own pace so far."""

    step: int
    total: int
    unit: str
    tokens_per_s: float | None = None
    eta_seconds: float | None = None
    figures: dict[str, float] = {}


class StageView(BaseModel):
    """A stage of the plan. `why` says what made it cached or new when the experiment was planned, which gate's
    condition or which failed stage left it out, or what it failed with."""

    name: str
    title: str
    kind: StageKind
    state: StageState
    cached: bool
    why: str | None
    fingerprint: str | None
    needs: list[str] = []
    started_at: datetime | None
    ended_at: datetime | None
    progress: StageProgress | None


class PlanOfExperiment(BaseModel):
    """`complete` once every stage has a fingerprint; `cached` when nothing had to run. A stage needs those whose
    outputs it reads, and the gates that it stands behind."""

    complete: bool
    cached: bool
    stages: list[StageView]


class Progress(BaseModel):
    """The whole experiment's progress: stages done, and the running one's. Those that a closed gate leaves out are
    not among the total."""

    stages_done: int
    stages_total: int
    stages_left_out: int = 0
    stage: str | None = None
    title: str | None = None
    step: int | None = None
    total: int | None = None
    unit: str | None = None
    tokens_per_s: float | None = None
    eta_seconds: float | None = None
    figures: dict[str, float] = {}


class AttemptView(BaseModel):
    """One attempt: a job of Ray."""

    number: int
    ray_job: str
    ray_status: str | None
    created_at: datetime
    submitted_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    failure: FailureView | None


class Links(BaseModel):
    """Where to look further."""

    model_config = ConfigDict(populate_by_name=True)

    self_: Annotated[str, Field(serialization_alias="self", validation_alias="self")]
    events: str
    logs: str
    results: Annotated[str | None, Field(description="null where nothing is scored")]
    report: str | None
    ray_dashboard: str
    mlflow: str | None


class ExperimentSummary(BaseModel):
    """An experiment in a list."""

    id: str
    name: str
    project: str
    labels: list[str]
    state: State
    terminal: bool
    waiting_for: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    progress: Progress
    failure: FailureView | None
    links: Links


class _Whole(ExperimentSummary):
    plan: PlanOfExperiment
    attempts: list[AttemptView]


class ExperimentView(_Whole):
    """An experiment with everything known of it."""

    spec: ExperimentSpec


class EvaluationView(_Whole):
    """An evaluation of one model with everything known of it."""

    spec: ModelEvaluationSpec


class SimilarityView(_Whole):
    """A comparison of data sets with everything known of it."""

    spec: SimilaritySpec
    result: Annotated[SimilarityResult | None, Field(description="null until it is recorded")]


class SweepView(_Whole):
    """A sweep with everything known of it, its trials with their values and scores; `best` is a trial's number."""

    spec: SweepSpec
    trials: tuple[TrialTold, ...]
    best: int | None


AnyView = ExperimentView | EvaluationView | SimilarityView | SweepView


class Page(BaseModel):
    """Experiments, the newest first. `after` of the next page is `next`."""

    data: list[ExperimentSummary]
    has_more: bool
    next: str | None


class EventView(BaseModel):
    """One event. `seq` orders all events of an experiment; a job's own carry (attempt, number)."""

    seq: int
    at: datetime
    kind: str
    stage: str | None
    attempt: int | None
    number: int | None
    data: dict[str, Any]


class EventPage(BaseModel):
    """Events after some number, in order."""

    data: list[EventView]
    has_more: bool
    next: int
    state: State
    terminal: bool


class LogView(BaseModel):
    """A driver's log. `complete` once the job has ended and its log is kept in the store."""

    experiment: str
    attempt: int
    text: str
    complete: bool
    terminal: bool


class ResultsView(BaseModel):
    """Scores of P1 and P2 and their differences, as far as they are recorded."""

    experiment: str
    state: State
    terminal: bool
    results: Results


class SweepResultsView(BaseModel):
    """Trials of a sweep beside each other, as far as they have come, with intervals where they were trained whole."""

    sweep: str
    state: State
    terminal: bool
    results: SweepResults
