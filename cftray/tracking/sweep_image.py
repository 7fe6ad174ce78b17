"""The runs of a sweep: one for the whole, with the best trial's scores and the picture, and one below it a trial."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cftray.report import grid
from cftray.report.page import as_yaml
from cftray.report.sweep_page import sweep_findings, value_text
from cftray.report.sweep_picture import PictureFormat, pareto_files
from cftray.report.trials import RungTold, SweepResults, TrialState, TrialTold, sweep_results
from cftray.store import Store
from cftray.tracking.asked import NOT_PARAMS, STATUS, asked_tags, ended_at, note, source_tags
from cftray.tracking.curves import recorded_points
from cftray.tracking.images import RunImage, flattened, milliseconds, shortened
from cftray.tracking.tracker import Point, RunState, RunStatus
from cftray.tracking.view import SweepView

PARENT_TAG = "mlflow.parentRunId"
"""MLflow shows a run that has it below that one."""

OF_TRIAL = {
    TrialState.QUEUED: RunStatus.SCHEDULED,
    TrialState.RUNNING: RunStatus.RUNNING,
    TrialState.FINISHED: RunStatus.FINISHED,
    TrialState.STOPPED: RunStatus.FINISHED,
    TrialState.FAILED: RunStatus.FAILED,
    TrialState.LEFT: RunStatus.KILLED,
}


def told_trials(view: SweepView, store: Store) -> SweepResults:
    """What is known of the trials."""
    over = STATUS[view.state].final
    return sweep_results(view.spec, view.plan, store, view.sweep, busy=view.busy, over=over, intervals=False)


def sweep_image(view: SweepView, found: SweepResults) -> RunImage:
    """The sweep's own run: the best trial's scores as metrics, the picture once the sweep is over."""
    spec, status = view.spec, STATUS[view.state]
    pictures = pareto_files(spec, found) if status.final else None
    texts = {"spec.yaml": as_yaml(spec.model_dump(mode="json"))}
    if pictures is not None:
        texts["pareto.svg"] = pictures[PictureFormat.SVG].decode()
    points = () if found.best is None else tuple(_points(found.trial(found.best)))
    best = {} if found.best is None else {"cftray.best_trial": str(found.best)}
    return RunImage(
        project=spec.project,
        name=spec.name,
        identity=sweep_identity(view),
        started_at=milliseconds(view.created_at),
        tags=asked_tags(view, sweep_identity(view)) | best,
        params=flattened(spec, leave_out=NOT_PARAMS),
        points=points,
        texts=texts,
        note=_note(view, found),
        status=status,
        ended_at=ended_at(view),
    )


def trial_image(view: SweepView, trial: TrialTold, parent: RunState, *, best: bool) -> RunImage | None:
    """A trial's run below the sweep's: its values as parameters, its scores at its last rung as figures. None before it
    has begun."""
    if trial.state is TrialState.QUEUED:
        return None
    status = OF_TRIAL[trial.state]
    tags = {
        **trial_identity(view, trial.number),
        **source_tags("sweep"),
        PARENT_TAG: parent.run_id,
        "cftray.trial.state": trial.state.value,
        "cftray.trial.best": "yes" if best else "no",
    }
    if trial.failure is not None:
        tags["cftray.failure"] = shortened(trial.failure)
    return RunImage(
        project=view.spec.project,
        name=f"{view.spec.name}.trial-{trial.number}",
        identity=trial_identity(view, trial.number),
        started_at=milliseconds(view.created_at),
        tags=tags,
        params={name: value_text(value) for name, value in trial.values.items()},
        points=tuple(_points(trial)),
        status=status,
        ended_at=_ended_at(view, trial) if status.final else None,
    )


def sweep_identity(view: SweepView) -> Mapping[str, str]:
    """What the run of a sweep is found by."""
    return {"cftray.sweep": view.sweep, "cftray.kind": "sweep"}


def trial_identity(view: SweepView, number: int) -> Mapping[str, str]:
    """What the run of a trial is found by."""
    return {"cftray.sweep": view.sweep, "cftray.kind": "trial", "cftray.trial": str(number)}


def rung_points(trial: TrialTold) -> Iterator[Point]:
    """A trial's scores at each rung as curves, the rung's share of phase 2 in percent as step."""
    for rung in trial.rungs:
        for name, value in _figures(rung).items():
            yield Point(name=f"rung/{name}", value=value, step=round(100 * rung.share), at=milliseconds(rung.at))


def trial_curves(view: SweepView, trial: TrialTold, store: Store) -> list[Point]:
    """The loss of an ended trial's phase 2 as far as it was trained; `s17/loss` where there are several seeds."""
    rungs = view.plan.trials[trial.number - 1].rungs[: len(trial.rungs)]
    if not rungs or trial.open:
        return []
    found: list[Point] = []
    for outcome in rungs[-1].outcomes:
        fingerprint = view.plan.stage(outcome.p2_train).fingerprint if outcome.p2_train else None
        record = store.record(fingerprint) if fingerprint else None
        if record is None or "curve" not in record.outputs:
            continue
        prefix = f"s{outcome.seed}/" if len(rungs[-1].outcomes) > 1 else ""
        points, _ = recorded_points(store.output(record, "curve"), milliseconds(record.started_at))
        found += [replace(point, name=prefix + point.name) for point in points]
    return found


def _ended_at(view: SweepView, trial: TrialTold) -> int:
    """When the trial came to its last rung; one without any ends with its sweep."""
    if trial.last is not None:
        return milliseconds(trial.last.at)
    return milliseconds(view.finished_at or view.created_at)


def _points(trial: TrialTold) -> Iterator[Point]:
    """Of the last rung, at its time: of two values of one step MLflow shows the later one."""
    for rung in trial.rungs[-1:]:
        for name, value in _figures(rung).items():
            yield Point(name=name, value=value, at=milliseconds(rung.at))


def _figures(rung: RungTold) -> dict[str, float]:
    figures = {f"p2/{name}": score for name, score in rung.p2.items()}
    figures |= {f"change/{name}": change for name in rung.p2 if (change := rung.change(name)) is not None}
    return figures | {"violation": rung.violation}


def _note(view: SweepView, found: SweepResults) -> str:
    lines = ["| trial | state | " + found.maximise + " | TA | LA |", "|---|---|---|---|---|"]
    for trial in found.trials:
        last = trial.last
        value = grid.ABSENT if last is None else grid.points(last.value)
        changes = [None if last is None else last.change(suite) for suite in ("ta", "la")]
        cells = [grid.ABSENT if one is None else grid.signed(one) for one in changes]
        star = " ★" if trial.number == found.best else ""
        lines.append(f"| {trial.number}{star} | {trial.state} | {value} | {cells[0]} | {cells[1]} |")
    head = f"**{view.spec.name}** (`{view.sweep}`) {view.state.value}"
    told = [head, *sweep_findings(view.spec, found), "\n".join(lines)]
    return note(*told, failure=view.failure, links=view.links)
