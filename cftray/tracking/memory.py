"""A tracker in memory, with MLflow's rules: the twin that tests and a stack without MLflow use."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cftray.tracking.tracker import MlflowRefused, ModelState, Point, RunState, RunStatus


@dataclass(slots=True)
class StoredRun:
    """A run with its whole history."""

    state: RunState
    started_at: int
    ended_at: int | None = None
    history: list[Point] = field(default_factory=list)
    artifacts: dict[str, str | bytes] = field(default_factory=dict)


NOT_IN_MODEL_NAMES = frozenset("/:.%\"'")


class MemoryTracker:
    """See `Tracker`. `requests` counts calls, as each is at least one request of MLflow."""

    def __init__(self) -> None:
        self.projects: dict[str, str] = {}
        self.runs: dict[str, StoredRun] = {}
        self.models: dict[str, ModelState] = {}
        self.requests = 0
        self._numbers = itertools.count(1)

    def ensure_project(self, name: str) -> str:
        self.requests += 1
        return self.projects.setdefault(name, str(len(self.projects) + 1))

    def find_run(self, tags: Mapping[str, str], project_id: str | None = None) -> RunState | None:
        self.requests += 1
        found = (
            run
            for run in self.runs.values()
            if project_id in (None, run.state.project_id) and tags.items() <= run.state.tags.items()
        )
        oldest = min(found, key=lambda run: run.started_at, default=None)
        return oldest.state if oldest else None

    def run(self, run_id: str) -> RunState | None:
        self.requests += 1
        stored = self.runs.get(run_id)
        return stored.state if stored else None

    def create_run(self, project_id: str, name: str, *, started_at: int, tags: Mapping[str, str]) -> RunState:
        self.requests += 1
        run_id = f"run-{next(self._numbers)}"
        state = RunState(run_id=run_id, project_id=project_id, name=name, status=RunStatus.RUNNING, tags=dict(tags))
        self.runs[run_id] = StoredRun(state=state, started_at=started_at)
        return state

    def log(
        self,
        run_id: str,
        *,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> None:
        self.requests += 1
        stored = self._stored(run_id)
        known = dict(stored.state.params)
        for key, value in (params or {}).items():
            if known.setdefault(key, value) != value:
                raise MlflowRefused(f"parameter {key} of {run_id} is {known[key]} and can't become {value}")
        have = set(stored.history)
        stored.history += [point for point in dict.fromkeys(points) if point not in have]
        stored.state = replace(
            stored.state,
            params=known,
            tags={**stored.state.tags, **(tags or {})},
            metrics=_latest(stored.history),
        )
        if model_id is not None:
            model = self.models[model_id]
            metrics = {**model.metrics, **{point.name: point.value for point in points}}
            self.models[model_id] = replace(model, metrics=metrics)

    def steps(self, run_id: str, metric: str) -> frozenset[int]:
        self.requests += 1
        return frozenset(point.step for point in self._stored(run_id).history if point.name == metric)

    def write_text(self, run_id: str, path: str, text: str) -> None:
        self.requests += 1
        self._stored(run_id).artifacts[path] = text

    def write_folder(self, run_id: str, path: str, folder: Path) -> None:
        self.requests += 1
        files = [one for one in folder.rglob("*") if one.is_file()]
        found = {f"{path}/{one.relative_to(folder).as_posix()}": one.read_bytes() for one in files}
        self._stored(run_id).artifacts.update(found)

    def set_status(self, run_id: str, status: RunStatus, *, ended_at: int | None = None) -> None:
        self.requests += 1
        stored = self._stored(run_id)
        stored.state = replace(stored.state, status=status)
        stored.ended_at = ended_at if status.final else None

    def link_models(self, run_id: str, model_ids: Sequence[str]) -> None:
        self.requests += 1
        stored = self._stored(run_id)
        stored.state = replace(stored.state, models=stored.state.models | set(model_ids))

    def find_model(self, project_id: str, tags: Mapping[str, str]) -> ModelState | None:
        self.requests += 1
        for model in self.models.values():
            if model.project_id == project_id and tags.items() <= model.tags.items():
                return model
        return None

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
        self.requests += 1
        if NOT_IN_MODEL_NAMES & set(name):
            raise MlflowRefused(f"{name}: none of {''.join(sorted(NOT_IN_MODEL_NAMES))} can stand in a model's name")
        model_id = f"m-{next(self._numbers)}"
        model = ModelState(
            model_id=model_id,
            project_id=project_id,
            name=name,
            kind=kind,
            source_run_id=source_run_id,
            params=dict(params),
            tags=dict(tags),
        )
        self.models[model_id] = model
        return model

    def tag_model(self, model_id: str, tags: Mapping[str, str]) -> None:
        self.requests += 1
        model = self.models[model_id]
        self.models[model_id] = replace(model, tags={**model.tags, **tags})

    def _stored(self, run_id: str) -> StoredRun:
        if run_id not in self.runs:
            raise MlflowRefused(f"no run {run_id}")
        return self.runs[run_id]


def _latest(history: list[Point]) -> dict[str, float]:
    """MLflow's rule: the highest step counts, of one step the latest time, and of one time the larger value."""
    ordered = sorted(history, key=lambda point: (point.step, point.at, point.value))
    return {point.name: point.value for point in ordered}
