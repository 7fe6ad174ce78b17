"""The run of a stage that trains, evaluates or analyses. Nobody owns it: it is found by its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping

from cftray.plan import StageNode
from cftray.store import Failure, Record, Store
from cftray.tracking.analysis_image import figures_folder, layer_points, named
from cftray.tracking.asked import failure_tags
from cftray.tracking.curves import CURVES
from cftray.tracking.images import RunImage, flattened, milliseconds, points_of
from cftray.tracking.roles import Role
from cftray.tracking.tracker import RunStatus
from cftray.tracking.view import ExperimentState, ExperimentView

HELD_BY = "cftray.held_by"
"""The experiment whose job has begun the stage: it alone says that the stage came to nothing."""


def stage_image(
    view: ExperimentView, node: StageNode, role: Role, record: Record | None, store: Store
) -> RunImage | None:
    """None where there is nothing to show: not recorded, and not begun by this experiment."""
    if record is None and node.name not in view.live:
        return None
    assert node.fingerprint is not None
    tags = _tags(view, node, role)
    if record is None:
        # An optional stage's failure is told at once: the experiment goes on without it.
        failure = store.failure(node.fingerprint) if node.optional else None
        status = RunStatus.FAILED if failure is not None else unfinished(view, node.name)
        ended_at = view.finished_at
        return RunImage(
            project=view.spec.project,
            name=_name(node, role),
            identity=stage_identity(node),
            everywhere=True,
            started_at=milliseconds(view.live[node.name].started_at),
            tags={**tags, HELD_BY: view.experiment, **failure_tags(_whole(failure))},
            params=_params(node),
            status=status,
            ended_at=milliseconds(ended_at) if status.final and ended_at else None,
        )
    finished_at = milliseconds(record.finished_at)
    return RunImage(
        project=view.spec.project,
        name=_name(node, role),
        identity=stage_identity(node),
        everywhere=True,
        started_at=milliseconds(record.started_at),
        tags={**tags, "cftray.recorded_by": record.experiment},
        params=_params(node),
        points=points_of(named(record) or _figures(record), finished_at),
        layers=layer_points(record, store),
        folders=figures_folder(record, store),
        status=RunStatus.FINISHED,
        ended_at=finished_at,
    )


def stage_identity(node: StageNode) -> Mapping[str, str]:
    """What the run of a stage is found by, whoever's plan the stage is in."""
    return {"cftray.fingerprint": str(node.fingerprint)}


def unfinished(view: ExperimentView, stage: str) -> RunStatus:
    """The state of a stage that the experiment has begun and that has no record."""
    match view.state:
        case ExperimentState.QUEUED | ExperimentState.RUNNING:
            return RunStatus.RUNNING
        case ExperimentState.FAILED if view.failure is None or view.failure.stage in (None, stage):
            return RunStatus.FAILED
        case _:
            return RunStatus.KILLED


def _whole(failure: Failure | None) -> Failure | None:
    """The run is the stage's own, so where it failed needs no telling."""
    return None if failure is None else failure.model_copy(update={"stage": None})


def _name(node: StageNode, role: Role) -> str:
    return " ".join(part for part in (node.kind.value, role.title, "·", str(node.fingerprint)[:8]) if part)


def _tags(view: ExperimentView, node: StageNode, role: Role) -> dict[str, str]:
    tags = {
        **stage_identity(node),
        "cftray.kind": node.kind.value,
        f"cftray.used_by.{view.experiment}": view.spec.name,
        "mlflow.source.name": node.kind.value,
        "mlflow.source.type": "JOB",
        "mlflow.user": "cftray",
    }
    if role.phase is not None:
        tags["cftray.phase"] = str(role.phase)
    return tags if role.seed is None else {**tags, "cftray.seed": str(role.seed)}


def _params(node: StageNode) -> dict[str, str]:
    return flattened(node.config, leave_out=frozenset({"kind"}))


def _figures(record: Record) -> dict[str, float]:
    """A figure of the whole stage with the name of a curve is that curve's mean."""
    named = {f"mean_{name}" if name in CURVES else name: value for name, value in record.metrics.items()}
    return {**named, "wall_seconds": record.seconds}
