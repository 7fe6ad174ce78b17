"""From rows to what the API says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.experiments.kinds import Kind, spec_of
from api.experiments.schemas import (
    AnyView,
    AttemptView,
    EvaluationView,
    EventView,
    ExperimentSummary,
    ExperimentView,
    FailureView,
    Links,
    PlanOfExperiment,
    Progress,
    SimilarityView,
    StageProgress,
    StageView,
    SweepView,
)
from api.experiments.states import LEFT_OUT, Outcome, StageState, State
from api.settings import Settings
from api.tables import AttemptRow, EventRow, ExperimentRow, StageRow
from cftray.plan import Plan, StageKind
from cftray.report.similarity import similarity_result
from cftray.report.trials import sweep_results
from cftray.spec import ModelEvaluationSpec, SimilaritySpec, SweepSpec
from cftray.store import Store


class Views:
    """Builds views; it knows the addresses that links lead to, and where results are recorded."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.store = store
        self.api = settings.base_url
        self.ray = settings.ray_public_url or settings.ray_address
        self.mlflow = settings.mlflow_public_url or settings.mlflow_url

    def summary(self, row: ExperimentRow, stages: Sequence[StageRow]) -> ExperimentSummary:
        """One line of a list."""
        return ExperimentSummary(**self._common(row, stages, None))

    def whole(self, row: ExperimentRow, stages: Sequence[StageRow], attempts: Sequence[AttemptRow]) -> AnyView:
        """The whole experiment, evaluation or comparison of data sets."""
        plan = Plan.model_validate_json(row.plan)
        needs = {node.name: [*node.needs, *node.gated_by] for node in plan.stages}
        newest = attempts[-1].submission_id if attempts else None
        parts = self._common(row, stages, newest) | {
            "plan": PlanOfExperiment(
                complete=row.plan_complete,
                cached=all(stage.state == StageState.CACHED or _left_out(stage) for stage in stages),
                stages=[_stage(stage, needs.get(stage.name, [])) for stage in stages],
            ),
            "attempts": [_attempt(attempt) for attempt in attempts],
        }
        spec = spec_of(row)
        if isinstance(spec, ModelEvaluationSpec):
            return EvaluationView(**parts, spec=spec)
        if isinstance(spec, SimilaritySpec):
            result = similarity_result(plan, self.store, [one.name for one in spec.sets])
            return SimilarityView(**parts, spec=spec, result=result)
        if isinstance(spec, SweepSpec):
            busy = {stage.name for stage in stages if stage.state in (StageState.RUNNING, StageState.WAITING)}
            told = sweep_results(
                spec, plan, self.store, row.id, busy=busy, over=State(row.state).terminal, intervals=False
            )
            return SweepView(**parts, spec=spec, trials=told.trials, best=told.best)
        return ExperimentView(**parts, spec=spec)

    def _common(self, row: ExperimentRow, stages: Sequence[StageRow], ray_job: str | None) -> dict[str, Any]:
        state = State(row.state)
        return {
            "id": row.id,
            "name": row.name,
            "project": row.project,
            "labels": row.labels,
            "state": state,
            "terminal": state.terminal,
            "waiting_for": row.waiting_for,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "finished_at": row.finished_at,
            "progress": _progress(stages),
            "failure": FailureView.model_validate(row.failure) if row.failure else None,
            "links": self._links(Kind(row.kind), row.id, ray_job),
        }

    def _links(self, kind: Kind, identifier: str, ray_job: str | None) -> Links:
        own, scored = f"{self.api}{kind.path}/{identifier}", kind is not Kind.SIMILARITY
        return Links(
            self_=own,
            events=f"{own}/events",
            logs=f"{own}/logs",
            results=f"{own}/results" if scored else None,
            report=f"{own}/report" if scored else None,
            ray_dashboard=f"{self.ray}/#/jobs/{ray_job}" if ray_job else self.ray,
            mlflow=self.mlflow,
        )


def event_view(row: EventRow) -> EventView:
    """One event."""
    return EventView(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        stage=row.stage,
        attempt=row.attempt,
        number=row.number,
        data=row.data,
    )


def _stage(row: StageRow, needs: list[str]) -> StageView:
    return StageView(
        name=row.name,
        title=row.title,
        kind=StageKind(row.kind),
        state=StageState(row.state),
        cached=row.state == StageState.CACHED,
        why=row.why,
        fingerprint=row.fingerprint,
        needs=needs,
        started_at=row.started_at,
        ended_at=row.ended_at,
        progress=StageProgress.model_validate(row.progress) if row.progress else None,
    )


def _attempt(row: AttemptRow) -> AttemptView:
    return AttemptView(
        number=row.number,
        ray_job=row.submission_id,
        ray_status=row.ray_status,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=Outcome(row.outcome) if row.outcome else None,
        failure=FailureView.model_validate(row.failure) if row.failure else None,
    )


def _left_out(stage: StageRow) -> bool:
    return stage.state == StageState.SKIPPED and (stage.why or "").startswith(LEFT_OUT)


def _progress(stages: Sequence[StageRow]) -> Progress:
    done = sum(StageState(stage.state).done for stage in stages)
    left_out = sum(map(_left_out, stages))
    counts = {"stages_done": done, "stages_total": len(stages) - left_out, "stages_left_out": left_out}
    busy = next((one for one in stages if one.state in (StageState.RUNNING, StageState.WAITING)), None)
    if busy is None:
        return Progress(**counts)
    running = StageProgress.model_validate(busy.progress).model_dump() if busy.progress else {}
    return Progress(**counts, stage=busy.name, title=busy.title, **running)
