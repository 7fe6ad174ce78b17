"""Asks the database, Ray and MLflow how they are, all at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy.exc import SQLAlchemyError

from api.database import Database
from api.health.schemas import Part, PartStatus, Ready
from api.ray_jobs import Jobs, RayRefused, RayUnreachable

TIMEOUT_S = 3.0


class HealthService:
    """See the module."""

    def __init__(self, database: Database, jobs: Jobs, mlflow_url: str | None) -> None:
        self.database = database
        self.jobs = jobs
        self.mlflow_url = mlflow_url

    def ready(self) -> Ready:
        """Every part, and whether those that are needed are there."""
        looks: list[Callable[[], Part]] = [self._database, self._ray, self._mlflow]
        with ThreadPoolExecutor(max_workers=len(looks)) as pool:
            parts = list(pool.map(lambda look: look(), looks))
        return Ready(ready=all(part.status is PartStatus.OK for part in parts if part.needed), parts=parts)

    def _database(self) -> Part:
        try:
            self.database.ping()
        except SQLAlchemyError as error:
            return _part("database", PartStatus.DOWN, type(error).__name__)
        return _part("database", PartStatus.OK, self.database.url.get_backend_name())

    def _ray(self) -> Part:
        try:
            version = self.jobs.version()
        except (RayUnreachable, RayRefused) as error:
            return _part("ray", PartStatus.DOWN, error.message)
        return _part("ray", PartStatus.OK, f"Ray {version}")

    def _mlflow(self) -> Part:
        if self.mlflow_url is None:
            return _part("mlflow", PartStatus.OFF, "not configured (CFTRAY_MLFLOW_URL)", needed=False)
        try:
            response = httpx.get(f"{self.mlflow_url}/health", timeout=TIMEOUT_S, trust_env=False)
        except httpx.HTTPError as error:
            detail = f"{self.mlflow_url} can't be reached ({type(error).__name__})"
            return _part("mlflow", PartStatus.DOWN, detail, needed=False)
        status = PartStatus.OK if response.status_code == 200 else PartStatus.DOWN
        return _part("mlflow", status, f"answers {response.status_code}", needed=False)


def _part(name: str, status: PartStatus, detail: str, *, needed: bool = True) -> Part:
    return Part(name=name, status=status, detail=detail, needed=needed)
