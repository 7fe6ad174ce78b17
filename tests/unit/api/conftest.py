"""An application over SQLite and a store in a temporary folder, with Ray played by a fake.

The reconciler's own task is held still: tests call `step` where they want something to happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import Parts, create_app
from api.experiments.service import ExperimentService
from api.reconciler.reconciler import Reconciler
from api.settings import Settings
from cftray.store import Store
from tests.unit.api.fakes import Clock, FakeJobs, PlayedJob

MINI = {"recipe": "mini", "pair": "dissimilar", "seeds": [17]}
IDLE_S = 3600.0


@dataclass
class World:
    """Everything a test holds in its hands."""

    app: FastAPI
    client: TestClient
    jobs: FakeJobs
    clock: Clock
    settings: Settings

    @property
    def store(self) -> Store:
        return Store(self.settings.store)

    @property
    def reconciler(self) -> Reconciler:
        reconciler: Reconciler = self.app.state.backstage.reconciler
        return reconciler

    @property
    def service(self) -> ExperimentService:
        service: ExperimentService = self.app.state.services.experiments
        return service

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self.reconciler.step()

    def post(self, document: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        answer = self.client.post("/v1/experiments", json=document or MINI, headers=headers)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def get(self, identifier: str) -> dict[str, Any]:
        answer = self.client.get(f"/v1/experiments/{identifier}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def events(self, identifier: str) -> list[dict[str, Any]]:
        data: list[dict[str, Any]] = self.client.get(f"/v1/experiments/{identifier}/events").json()["data"]
        return data

    def kinds(self, identifier: str) -> list[str]:
        return [event["kind"] for event in self.events(identifier)]

    def job(self, identifier: str, attempt: int = 1) -> PlayedJob:
        return PlayedJob(self.store, identifier, attempt)

    def started(self, document: dict[str, Any] | None = None) -> tuple[str, PlayedJob]:
        """A running experiment and its job."""
        identifier = self.post(document)["id"]
        self.step()
        job = self.job(identifier)
        job.start()
        self.step()
        return identifier, job


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        database_url=f"sqlite:///{tmp_path}/control.db",
        store=tmp_path / "store",
        poll_s=IDLE_S,
        idle_poll_s=IDLE_S,
        retry_backoff_s=10,
        max_body_bytes=200_000,
    )


@pytest.fixture
def world(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("api.app.reconcile", _still)
    jobs, clock = FakeJobs(), Clock()
    app = create_app(settings, Parts(jobs=jobs, clock=clock))
    with TestClient(app, base_url="http://localhost") as client:
        yield World(app=app, client=client, jobs=jobs, clock=clock, settings=settings)


async def _still(*_: object) -> None:
    """In the place of the reconciler's task."""
