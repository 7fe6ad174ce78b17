"""Shows experiments in MLflow: the database's rows become the view that `cftray.tracking` writes.

MLflow's client is loaded at the first change, in the observer's own thread, so that the service starts
without it and never waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from api.database import Database
from api.experiments.kinds import Kind, spec_of
from api.experiments.repository import ExperimentRepository
from api.experiments.states import StageState, State
from api.matrices.repository import MatrixRepository
from api.matrices.service import cell_plans
from api.settings import Settings
from api.tables import EventRow, ExperimentRow
from cftray import __version__
from cftray.plan import Plan
from cftray.spec import ModelEvaluationSpec, SimilaritySpec, SweepSpec
from cftray.store import Failure, Store
from cftray.store.events import EventKind
from cftray.tracking import (
    EvaluationView,
    ExperimentState,
    ExperimentView,
    LivePoint,
    LiveStage,
    MatrixView,
    SimilarityView,
    SweepView,
    Tracker,
    TrackingWriter,
)

STATES = {
    State.QUEUED: ExperimentState.QUEUED,
    State.RUNNING: ExperimentState.RUNNING,
    State.CANCELLING: ExperimentState.RUNNING,
    State.SUCCEEDED: ExperimentState.SUCCEEDED,
    State.FAILED: ExperimentState.FAILED,
    State.CANCELLED: ExperimentState.CANCELLED,
}


class MlflowObserver:
    """See `api.reconciler.tracking.Observer`."""

    def __init__(self, database: Database, store: Store, settings: Settings, tracker: Tracker) -> None:
        self.database = database
        self.api = settings.base_url
        self.writer = TrackingWriter(tracker, store)
        self._shown: dict[str, str] = {}
        """What was shown of matrices: drawing one takes seconds, and each of its cells asks for it."""

    def observe(self, experiment_id: str) -> None:
        """Show the experiment as it is now, and the matrix that it ends. Raises MlflowDown and MlflowRefused."""
        view = self._view(experiment_id)
        match view:
            case ExperimentView():
                self.writer.sync(view)
            case EvaluationView():
                self.writer.sync_evaluation(view)
            case SimilarityView():
                self.writer.sync_similarity(view)
            case SweepView():
                self.writer.sync_sweep(view)
        for matrix, key in self._ended(experiment_id):
            if self._shown.get(matrix.matrix) != key:
                self.writer.sync_matrix(matrix)
                self._shown[matrix.matrix] = key

    def _ended(self, experiment_id: str) -> Iterator[tuple[MatrixView, str]]:
        """The matrices of which it is a cell and all cells are over; with a key that changes as they do."""
        with self.database.read() as session:
            repository = MatrixRepository(session)
            found = [(row, repository.cells(row.id)) for row in repository.of(experiment_id)]
        for row, cells in found:
            experiments = [experiment for _, experiment in cells]
            if all(State(one.state).terminal for one in experiments):
                own = f"{self.api}/v1/matrices/{row.id}"
                view = MatrixView(
                    matrix=row.id,
                    name=row.name,
                    document=row.document,
                    cells=tuple(cell_plans(cells)),
                    created_at=row.created_at,
                    finished_at=max((one.finished_at for one in experiments if one.finished_at), default=None),
                    links={"matrix": own, "report": f"{own}/report"},
                )
                yield view, " ".join(f"{one.id} {one.state} {one.finished_at}" for one in experiments)

    def _view(self, experiment_id: str) -> ExperimentView | EvaluationView | SimilarityView | SweepView | None:
        with self.database.read() as session:
            repository = ExperimentRepository(session)
            row = repository.get(experiment_id)
            if row is None:
                return None
            spec, common = spec_of(row), self._common(row)
            if isinstance(spec, ModelEvaluationSpec):
                return EvaluationView(evaluation=row.id, spec=spec, **common)
            if isinstance(spec, SimilaritySpec):
                return SimilarityView(similarity=row.id, spec=spec, **common)
            if isinstance(spec, SweepSpec):
                going = (StageState.RUNNING, StageState.WAITING)
                busy = frozenset(one.name for one in repository.stages(row.id) if one.state in going)
                return SweepView(sweep=row.id, spec=spec, busy=busy, **common)
            events = repository.stage_events(experiment_id, (EventKind.STAGE_STARTED, EventKind.STAGE_PROGRESS))
            return ExperimentView(
                experiment=row.id, spec=spec, live=_live(events), environment={"cftray": __version__}, **common
            )

    def _common(self, row: ExperimentRow) -> dict[str, Any]:
        return {
            "plan": Plan.model_validate_json(row.plan),
            "state": STATES[State(row.state)],
            "created_at": row.created_at,
            "finished_at": row.finished_at,
            "failure": Failure.model_validate(row.failure) if row.failure else None,
            "links": self._links(row),
        }

    def _links(self, row: ExperimentRow) -> dict[str, str]:
        kind = Kind(row.kind)
        own = f"{self.api}{kind.path}/{row.id}"
        return {row.kind: own} | ({} if kind is Kind.SIMILARITY else {"report": f"{own}/report"})


def _live(events: Sequence[EventRow]) -> dict[str, LiveStage]:
    """By stage, when its newest attempt began and what it told since."""
    live: dict[str, LiveStage] = {}
    for event in events:
        name = event.stage or ""
        if event.kind == EventKind.STAGE_STARTED:
            live[name] = LiveStage(started_at=event.at)
        elif name in live:
            point = LivePoint(step=int(event.data["step"]), at=event.at, figures=_figures(event.data))
            live[name] = LiveStage(started_at=live[name].started_at, points=(*live[name].points, point))
    return live


def _figures(data: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in data.get("figures", {}).items()}
