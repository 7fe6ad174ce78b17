"""The tracker that is MLflow, through its own client."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cftray.tracking.mlflow_import import import_mlflow
from cftray.tracking.tracker import MlflowDown, MlflowRefused, ModelState, Point, RunState, RunStatus

POINTS_PER_REQUEST = 800
PAIRS_PER_REQUEST = 100
"""MLflow takes 100 parameters, 100 tags and 1000 things in all at a time."""
PROJECT_TAGS = {"cftray.kind": "project", "mlflow.experimentKind": "custom_model_development"}
MISSING = "RESOURCE_DOES_NOT_EXIST"
DELETED = "deleted"


class MlflowTracker:
    """See `Tracker`. MLflow is imported at the first call, which therefore takes some seconds."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, Any] | None = None

    def ensure_project(self, name: str) -> str:
        with self._asked() as (client, _):
            found = client.get_experiment_by_name(name)
            if found is None:
                return str(client.create_experiment(name, tags=PROJECT_TAGS))
            if found.lifecycle_stage == DELETED:
                client.restore_experiment(found.experiment_id)
            if PROJECT_TAGS.items() - found.tags.items():
                for key, value in PROJECT_TAGS.items():
                    client.set_experiment_tag(found.experiment_id, key, value)
            return str(found.experiment_id)

    def find_run(self, tags: Mapping[str, str], project_id: str | None = None) -> RunState | None:
        with self._asked() as (client, _):
            projects = [project_id] if project_id else self._projects(client)
            if not projects:
                return None
            order = ["attributes.start_time ASC"]
            found = client.search_runs(projects, _carrying(tags), max_results=1, order_by=order)
            return _run_state(found[0]) if found else None

    def run(self, run_id: str) -> RunState | None:
        with self._asked() as (client, _):
            found = self._or_none(client.get_run, run_id)
            return None if found is None or found.info.lifecycle_stage == DELETED else _run_state(found)

    def create_run(self, project_id: str, name: str, *, started_at: int, tags: Mapping[str, str]) -> RunState:
        with self._asked() as (client, _):
            made = client.create_run(project_id, start_time=started_at, tags=dict(tags), run_name=name)
            return _run_state(made)

    def log(
        self,
        run_id: str,
        *,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        model_id: str | None = None,
    ) -> None:
        with self._asked() as (client, entities):
            metrics = [
                entities.Metric(point.name, point.value, point.at, point.step, model_id=model_id) for point in points
            ]
            pairs = [entities.Param(key, value) for key, value in (params or {}).items()]
            labels = [entities.RunTag(key, value) for key, value in (tags or {}).items()]
            batches = max(
                -(-len(metrics) // POINTS_PER_REQUEST),
                -(-len(pairs) // PAIRS_PER_REQUEST),
                -(-len(labels) // PAIRS_PER_REQUEST),
            )
            for n in range(batches):
                last = batches - 1 - n
                client.log_batch(
                    run_id,
                    metrics=metrics[n * POINTS_PER_REQUEST : (n + 1) * POINTS_PER_REQUEST],
                    params=pairs[n * PAIRS_PER_REQUEST : (n + 1) * PAIRS_PER_REQUEST],
                    tags=labels[last * PAIRS_PER_REQUEST : (last + 1) * PAIRS_PER_REQUEST],
                )

    def steps(self, run_id: str, metric: str) -> frozenset[int]:
        with self._asked() as (client, _):
            return frozenset(point.step for point in client.get_metric_history(run_id, metric))

    def write_text(self, run_id: str, path: str, text: str) -> None:
        with self._asked() as (client, _):
            client.log_text(run_id, text, path)

    def write_folder(self, run_id: str, path: str, folder: Path) -> None:
        with self._asked() as (client, _):
            client.log_artifacts(run_id, str(folder), path)

    def set_status(self, run_id: str, status: RunStatus, *, ended_at: int | None = None) -> None:
        with self._asked() as (client, _):
            if status.final:
                client.set_terminated(run_id, status.value, ended_at)
            else:
                client.update_run(run_id, status.value)

    def link_models(self, run_id: str, model_ids: Sequence[str]) -> None:
        with self._asked() as (client, entities):
            client.log_outputs(run_id, [entities.LoggedModelOutput(one, step=0) for one in model_ids])

    def find_model(self, project_id: str, tags: Mapping[str, str]) -> ModelState | None:
        with self._asked() as (client, _):
            order = [{"field_name": "creation_timestamp", "ascending": True}]
            found = client.search_logged_models([project_id], _carrying(tags), max_results=1, order_by=order)
            return _model_state(found[0]) if found else None

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
        with self._asked() as (client, _):
            made = client.create_logged_model(
                project_id,
                name=name,
                source_run_id=source_run_id,
                tags=dict(tags),
                params=dict(params),
                model_type=kind,
            )
            return _model_state(client.finalize_logged_model(made.model_id, "READY"))

    def tag_model(self, model_id: str, tags: Mapping[str, str]) -> None:
        with self._asked() as (client, _):
            client.set_logged_model_tags(model_id, dict(tags))

    @contextmanager
    def _asked(self) -> Iterator[tuple[Any, Any]]:
        """The client and the module of its entities; MLflow's and the network's errors become ours."""
        with self._lock:
            if self._loaded is None:
                make_client, entities, refusal = import_mlflow()
                client = make_client(tracking_uri=self.uri, registry_uri=self.uri)
                self._loaded = client, entities, refusal
        client, entities, refusal = self._loaded
        try:
            yield client, entities
        except OSError as error:  # requests' errors among them
            raise MlflowDown(f"MLflow at {self.uri} can't be reached: {error}") from error
        except refusal as error:
            status = error.get_http_status_code()
            if status >= 500 or status == 429:
                raise MlflowDown(f"MLflow at {self.uri} does not answer: {error}") from error
            raise MlflowRefused(f"MLflow at {self.uri}: {error}") from error

    def _or_none(self, ask: Any, name: str) -> Any:
        assert self._loaded is not None
        try:
            return ask(name)
        except self._loaded[2] as error:
            if error.error_code == MISSING:
                return None
            raise

    def _projects(self, client: Any) -> list[str]:
        """Ids of the MLflow experiments that CFTRay made."""
        found: list[str] = []
        page: str | None = None
        while page is None or page:
            some = client.search_experiments(filter_string=_carrying({"cftray.kind": "project"}), page_token=page)
            found += [one.experiment_id for one in some]
            page = some.token or ""
        return found


def _carrying(tags: Mapping[str, str]) -> str:
    return " AND ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())


def _run_state(run: Any) -> RunState:
    outputs = run.outputs.model_outputs if run.outputs else []
    return RunState(
        run_id=run.info.run_id,
        project_id=run.info.experiment_id,
        name=run.info.run_name,
        status=RunStatus(run.info.status),
        tags=run.data.tags,
        params=run.data.params,
        metrics=run.data.metrics,
        models=frozenset(output.model_id for output in outputs),
    )


def _model_state(model: Any) -> ModelState:
    return ModelState(
        model_id=model.model_id,
        project_id=model.experiment_id,
        name=model.name,
        kind=model.model_type or "",
        source_run_id=model.source_run_id or "",
        tags=model.tags,
        params=model.params or {},
        metrics={metric.key: metric.value for metric in model.metrics or []},
    )
