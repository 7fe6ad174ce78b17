"""Makes the tracker look like an image, writing only what differs.

What was written is remembered, so that an unchanged image costs nothing; what is not remembered is
looked for by its tags first. `forget` makes it look again: after an error, or when MLflow turns out
to be another one than before.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from cftray.tracking.images import NOTE_END, NOTE_TAG, Folder, ModelImage, RunImage, shortened
from cftray.tracking.tracker import ModelState, Point, RunState, RunStatus, Tracker

REMEMBERED = 1024
"""Runs and logged models that are remembered at most; some 10 kB each."""

TEXTS_TAG = "cftray.artifacts"
LAYERS_TAG = "cftray.layers"
"""Which figures of layers are there whole: it is written behind the last of them."""
PARENT_TAG = "mlflow.parentRunId"
"""What MLflow nests runs by."""
PASSING = ("cftray.failure", "cftray.failed_stage")
"""Tags that an image may have lost: MLflow keeps the name, so the value is emptied."""

Key = frozenset[tuple[str, str]]
State = TypeVar("State", RunState, ModelState)


class Mirror:
    """See the module. Not thread-safe: there is one writer."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker = tracker
        self._projects: dict[str, str] = {}
        self._runs: OrderedDict[Key, RunState] = OrderedDict()
        self._models: OrderedDict[Key, ModelState] = OrderedDict()
        self._steps: dict[str, dict[str, set[int]]] = {}

    def forget(self) -> None:
        """Look everything up again from now on."""
        for memory in (self._projects, self._runs, self._models, self._steps):
            memory.clear()

    def still_there(self, identity: Mapping[str, str]) -> bool:
        """One request: whether a remembered run is as it was left. True for one not remembered."""
        known = self._runs.get(_key(identity))
        if known is None:
            return True
        now = self.tracker.run(known.run_id)
        return now is not None and now.status is known.status and known.tags.items() <= now.tags.items()

    def project(self, name: str) -> str:
        """The id of a project."""
        if name not in self._projects:
            self._projects[name] = self.tracker.ensure_project(name)
        return self._projects[name]

    def known_run(self, identity: Mapping[str, str], project_id: str | None = None) -> RunState | None:
        """The run with that identity, in one project or in all, if there is one."""
        key = _key(identity)
        found = self._runs.get(key) or self.tracker.find_run(identity, project_id)
        if found is not None:
            _remember(self._runs, key, found)
        return found

    def run(self, image: RunImage) -> RunState:
        """Make the run look like its image, from an empty MLflow or any state in between."""
        state = self._found_or_made(image)
        tags = self._new_tags(state, image)
        params = {key: value for key, value in image.params.items() if key not in state.params}
        points = [point for point in image.points if state.metrics.get(point.name) != point.value]
        layers = list(image.layers) if LAYERS_TAG in tags else []
        for path, text in image.texts.items():
            if _digest(path, text) not in state.tags.get(TEXTS_TAG, ""):
                self.tracker.write_text(state.run_id, path, text)
        for path, folder in image.folders.items():
            if _stored(path, folder) not in state.tags.get(TEXTS_TAG, ""):
                self.tracker.write_folder(state.run_id, path, folder.place)
        if params or points or tags:
            self.tracker.log(state.run_id, params=params, points=[*points, *layers], tags=tags)
        status = image.status or state.status
        if status is not state.status:
            self.tracker.set_status(state.run_id, status, ended_at=image.ended_at)
        state = replace(
            state,
            status=status,
            tags={**state.tags, **tags},
            params={**state.params, **params},
            metrics={**state.metrics, **{point.name: point.value for point in [*points, *layers]}},
        )
        _remember(self._runs, _key(image.identity), state)
        return state

    def end(self, run: RunState, identity: Mapping[str, str], status: RunStatus, ended_at: int | None) -> RunState:
        """Give a run its final state."""
        self.tracker.set_status(run.run_id, status, ended_at=ended_at)
        ended = replace(run, status=status)
        _remember(self._runs, _key(identity), ended)
        return ended

    def curve(self, run: RunState, points: Iterable[Point]) -> None:
        """Add the points of steps at which the run has none yet."""
        new = self._new_points(run, points)
        if new:
            self.tracker.log(run.run_id, points=new)

    def whole_curve(
        self, run: RunState, identity: Mapping[str, str], points: Iterable[Point], tags: Mapping[str, str]
    ) -> RunState:
        """As `curve`, once and for all: `tags` say so. Its steps are no longer remembered."""
        self.tracker.log(run.run_id, points=self._new_points(run, points), tags=tags)
        self._steps.pop(run.run_id, None)
        ended = replace(run, tags={**run.tags, **tags})
        _remember(self._runs, _key(identity), ended)
        return ended

    def _new_points(self, run: RunState, points: Iterable[Point]) -> list[Point]:
        new: list[Point] = []
        seen = self._steps.setdefault(run.run_id, {})
        for point in points:
            if point.name not in seen:
                has_some = point.name in run.metrics
                seen[point.name] = set(self.tracker.steps(run.run_id, point.name)) if has_some else set()
            if point.step not in seen[point.name]:
                seen[point.name].add(point.step)
                new.append(point)
        return new

    def model(self, image: ModelImage, runs: Mapping[str, RunState]) -> ModelState:
        """Make the logged model look like its image; `runs` are those of stages, by name."""
        project_id, key = self.project(image.project), _key(image.identity)
        state = self._models.get(key) or self.tracker.find_model(project_id, image.identity)
        if state is None:
            state = self.tracker.create_model(
                project_id,
                image.name,
                kind=image.kind,
                source_run_id=runs[image.made_by].run_id,
                params=image.params,
                tags=image.tags,
            )
        tags = _differing(image.tags, state.tags)
        if tags:
            self.tracker.tag_model(state.model_id, tags)
        points = [point for point in image.points if state.metrics.get(point.name) != point.value]
        if points:
            self.tracker.log(runs[image.scored_by].run_id, points=points, model_id=state.model_id)
        metrics = {**state.metrics, **{point.name: point.value for point in points}}
        state = replace(state, tags={**state.tags, **tags}, metrics=metrics)
        _remember(self._models, key, state)
        return state

    def link(self, run: RunState, identity: Mapping[str, str], models: Iterable[ModelState]) -> None:
        """Show the models as made by the run."""
        missing = [model.model_id for model in models if model.model_id not in run.models]
        if missing:
            self.tracker.link_models(run.run_id, missing)
            _remember(self._runs, _key(identity), replace(run, models=run.models | set(missing)))

    def under(self, parent: RunState, identity: Mapping[str, str]) -> None:
        """Show a run, if there is one of that identity in the parent's project, below its parent."""
        run = self.known_run(identity, parent.project_id)
        if run is None or run.tags.get(PARENT_TAG) == parent.run_id:
            return
        tags = {PARENT_TAG: parent.run_id}
        self.tracker.log(run.run_id, tags=tags)
        _remember(self._runs, _key(identity), replace(run, tags={**run.tags, **tags}))

    def _found_or_made(self, image: RunImage) -> RunState:
        project_id = self.project(image.project)
        found = self.known_run(image.identity, project_id)
        if found is None and image.everywhere:
            found = self.known_run(image.identity)
        if found is not None:
            return found
        return self.tracker.create_run(project_id, image.name, started_at=image.started_at, tags=image.tags)

    def _new_tags(self, state: RunState, image: RunImage) -> dict[str, str]:
        wanted = dict(image.tags)
        held = [_digest(path, text) for path, text in image.texts.items()]
        held += [_stored(path, folder) for path, folder in image.folders.items()]
        if held:
            wanted[TEXTS_TAG] = shortened(", ".join(held))
        if image.layers:
            wanted[LAYERS_TAG] = _of_points(image.layers)
        if image.note is not None:
            wanted[NOTE_TAG] = image.note
        gone = {name: "" for name in PASSING if state.tags.get(name) and name not in wanted}
        return _differing(wanted, state.tags) | gone


def _differing(wanted: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Tags to write; a description that a person wrote is not ours to replace."""
    theirs = NOTE_TAG in present and NOTE_END not in present[NOTE_TAG]
    return {
        key: value for key, value in wanted.items() if present.get(key) != value and not (key == NOTE_TAG and theirs)
    }


def _key(identity: Mapping[str, str]) -> Key:
    return frozenset(identity.items())


def _digest(path: str, text: str) -> str:
    return f"{path} sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _of_points(points: tuple[Point, ...]) -> str:
    whole = hashlib.sha256("\n".join(f"{one.name} {one.step} {one.value}" for one in points).encode())
    return f"{len(points)} points sha256:{whole.hexdigest()[:16]}"


def _stored(path: str, folder: Folder) -> str:
    return f"{path} sha256:{folder.sha256[:16]}"


def _remember(memory: OrderedDict[Key, State], key: Key, state: State) -> None:
    memory[key] = state
    memory.move_to_end(key)
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
