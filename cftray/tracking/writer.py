"""The one writer of what MLflow shows of an experiment.

`sync` may be called at any time and as often as one likes: it reads the records from the store,
compares what there should be with what there is, and writes the difference. On an empty MLflow that is
everything. MlflowDown passes through to the caller, who calls again later.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cftray.plan import StageKind, StageNode
from cftray.report.trials import TrialTold
from cftray.store import Record, Store
from cftray.tracking.curves import live_points, recorded_points
from cftray.tracking.evaluation_image import evaluation_identity, evaluation_image
from cftray.tracking.experiment_image import cell_identity, experiment_identity, experiment_image
from cftray.tracking.images import RunImage, milliseconds, shortened
from cftray.tracking.matrix_image import matrix_identity, matrix_image
from cftray.tracking.mirror import Mirror
from cftray.tracking.model_image import model_images
from cftray.tracking.roles import Role, shown_stages
from cftray.tracking.scores import judged_too
from cftray.tracking.similarity_image import similarity_identity, similarity_image
from cftray.tracking.stage_image import HELD_BY, stage_identity, stage_image, unfinished
from cftray.tracking.sweep_image import (
    rung_points,
    sweep_identity,
    sweep_image,
    told_trials,
    trial_curves,
    trial_image,
)
from cftray.tracking.tracker import RunState, RunStatus, Tracker
from cftray.tracking.view import EvaluationView, ExperimentView, MatrixView, SimilarityView, SweepView

CURVE_TAG = "cftray.curve"


class TrackingWriter:
    """See the module. Safe to share by threads: one sync at a time."""

    def __init__(self, tracker: Tracker, store: Store) -> None:
        self._mirror = Mirror(tracker)
        self._store = store
        self._lock = threading.Lock()

    def sync(self, view: ExperimentView) -> None:
        """Show the experiment as it is now. Raises MlflowDown and MlflowRefused; nothing is lost."""
        with self._writing(experiment_identity(view)):
            self._sync(view)

    def sync_evaluation(self, view: EvaluationView) -> None:
        """Show a single model's evaluation as it is now: one run. Raises as `sync` does."""
        with self._writing(evaluation_identity(view)):
            self._mirror.run(evaluation_image(view, self._store))

    def sync_similarity(self, view: SimilarityView) -> None:
        """Show a comparison of data sets as it is now: one run. Raises as `sync` does."""
        with self._writing(similarity_identity(view)):
            self._mirror.run(similarity_image(view, self._store))

    def sync_sweep(self, view: SweepView) -> None:
        """Show a sweep and its trials as they are now: a run, and one below it a trial. Raises as `sync` does."""
        with self._writing(sweep_identity(view)):
            found = told_trials(view, self._store)
            parent = self._mirror.run(sweep_image(view, found))
            for trial in found.trials:
                image = trial_image(view, trial, parent, best=trial.number == found.best)
                if image is not None and (trial.begun or self._shown(image)):
                    self._trial(view, trial, image)

    def _shown(self, image: RunImage) -> bool:
        return self._mirror.known_run(image.identity, self._mirror.project(image.project)) is not None

    def _trial(self, view: SweepView, trial: TrialTold, image: RunImage) -> None:
        state = self._mirror.run(image)
        self._mirror.curve(state, rung_points(trial))
        curves = [] if CURVE_TAG in state.tags else trial_curves(view, trial, self._store)
        if curves:
            self._mirror.whole_curve(state, image.identity, curves, {CURVE_TAG: "whole"})

    def sync_matrix(self, view: MatrixView) -> None:
        """Show a matrix that is over: one run, above those of its cells in the same project. Raises as `sync` does."""
        with tempfile.TemporaryDirectory(prefix="cftray-matrix-") as folder:
            image = matrix_image(view, self._store, Path(folder))
            if image is None:
                return
            with self._writing(matrix_identity(view)):
                run = self._mirror.run(image)
                for cell in view.cells:
                    if cell.spec.project == image.project:
                        self._mirror.under(run, cell_identity(cell.experiment))

    @contextmanager
    def _writing(self, identity: Mapping[str, str]) -> Iterator[None]:
        """One at a time. Everything is looked up again where the run is not as it was left, and after an error."""
        with self._lock:
            try:
                if not self._mirror.still_there(identity):
                    self._mirror.forget()
                yield
            except BaseException:
                self._mirror.forget()
                raise

    def _sync(self, view: ExperimentView) -> None:
        mirror = self._mirror
        shown = shown_stages(view.plan)
        records = {node.name: record for node, _ in shown if (record := self._record(node)) is not None}
        runs: dict[str, RunState] = {}
        for node, role in shown:
            if node.fingerprint is not None:
                state = self._stage(view, node, role, records.get(node.name))
                if state is not None:
                    runs[node.name] = state
        scored = judged_too(view.plan, records, self._store)
        run = mirror.run(experiment_image(view, scored, runs, self._store))
        models = [mirror.model(image, runs) for image in model_images(view, scored, self._store)]
        mirror.link(run, experiment_identity(view), models)

    def _record(self, node: StageNode) -> Record | None:
        return self._store.record(node.fingerprint) if node.fingerprint is not None else None

    def _stage(self, view: ExperimentView, node: StageNode, role: Role, record: Record | None) -> RunState | None:
        image = stage_image(view, node, role, record, self._store)
        if image is None:
            return self._left_behind(view, node)
        image = self._unless_taken_over(view, image)
        state = self._mirror.run(image)
        if node.kind is StageKind.TRAIN:
            if record is not None:
                state = self._whole_curve(image, state, record)
            else:
                self._mirror.curve(state, live_points(view.live[node.name]))
        return state

    def _whole_curve(self, image: RunImage, state: RunState, record: Record) -> RunState:
        """The record's curve, once: a tag says that it is there, and what could not be shown of it."""
        if CURVE_TAG in state.tags or "curve" not in record.outputs:
            return state
        try:
            started_at = milliseconds(record.started_at)
            points, left_out = recorded_points(self._store.output(record, "curve"), started_at)
        except FileNotFoundError:
            points, left_out = [], ["its file is gone from the store"]
        words = shortened(f"whole, but {'; '.join(left_out)}" if left_out else "whole")
        return self._mirror.whole_curve(state, image.identity, points, {CURVE_TAG: words})

    def _unless_taken_over(self, view: ExperimentView, image: RunImage) -> RunImage:
        """A stage that came to nothing here may be going on in another experiment's job by now."""
        if HELD_BY not in image.tags or image.status is RunStatus.RUNNING:
            return image
        known = self._mirror.known_run(image.identity, self._mirror.project(image.project))
        if known is None or known.tags.get(HELD_BY, view.experiment) == view.experiment:
            return image
        return replace(image, status=None, tags={k: v for k, v in image.tags.items() if k != HELD_BY})

    def _left_behind(self, view: ExperimentView, node: StageNode) -> RunState | None:
        """A run that an earlier control plane began and left RUNNING: given its final state."""
        run = self._mirror.known_run(experiment_identity(view), self._mirror.project(view.spec.project))
        if run is None or f"cftray.stage.{node.name}" not in run.tags:
            return None
        stage = self._mirror.known_run(stage_identity(node))
        status = unfinished(view, node.name)
        if stage is None or stage.tags.get(HELD_BY) != view.experiment or stage.status.final or not status.final:
            return stage
        ended_at = milliseconds(view.finished_at) if view.finished_at else None
        return self._mirror.end(stage, stage_identity(node), status, ended_at)
