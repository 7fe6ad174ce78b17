"""What MLflow shows, written by the control plane alone from the spec, the plan, records and events.

MLflow is a view: it may be down, lost and made anew, and no result goes with it.
"""

from cftray.tracking.memory import MemoryTracker
from cftray.tracking.mlflow_tracker import MlflowTracker
from cftray.tracking.tracker import (
    MlflowDown,
    MlflowRefused,
    ModelState,
    Point,
    RunState,
    RunStatus,
    Tracker,
)
from cftray.tracking.view import (
    EvaluationView,
    ExperimentState,
    ExperimentView,
    LivePoint,
    LiveStage,
    MatrixView,
    SimilarityView,
    SweepView,
)
from cftray.tracking.writer import TrackingWriter

__all__ = [
    "EvaluationView",
    "ExperimentState",
    "ExperimentView",
    "LivePoint",
    "LiveStage",
    "MatrixView",
    "MemoryTracker",
    "MlflowDown",
    "MlflowRefused",
    "MlflowTracker",
    "ModelState",
    "Point",
    "RunState",
    "RunStatus",
    "SimilarityView",
    "SweepView",
    "Tracker",
    "TrackingWriter",
]
