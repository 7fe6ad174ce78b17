"""What endpoints may ask for. Everything is built once, in `api.app`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from api.documents import read_document
from api.experiments.logs import LogService
from api.experiments.lookout import Lookout
from api.experiments.reporting import ReportService
from api.experiments.service import ExperimentService
from api.health.service import HealthService
from api.matrices.service import MatrixService
from api.plans.service import PlanService
from api.wakeup import Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one application."""

    experiments: ExperimentService
    matrices: MatrixService
    plans: PlanService
    logs: LogService
    reports: ReportService
    health: HealthService
    changed: Wakeup
    lookout: Lookout


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


_Services = Annotated[Services, Depends(services)]


def _experiments(all_of_them: _Services) -> ExperimentService:
    return all_of_them.experiments


def _matrices(all_of_them: _Services) -> MatrixService:
    return all_of_them.matrices


def _plans(all_of_them: _Services) -> PlanService:
    return all_of_them.plans


def _logs(all_of_them: _Services) -> LogService:
    return all_of_them.logs


def _reports(all_of_them: _Services) -> ReportService:
    return all_of_them.reports


def _health(all_of_them: _Services) -> HealthService:
    return all_of_them.health


def _changed(all_of_them: _Services) -> Wakeup:
    return all_of_them.changed


def _lookout(all_of_them: _Services) -> Lookout:
    return all_of_them.lookout


Document = Annotated[dict[str, Any], Depends(read_document)]
Experiments = Annotated[ExperimentService, Depends(_experiments)]
Matrices = Annotated[MatrixService, Depends(_matrices)]
Plans = Annotated[PlanService, Depends(_plans)]
Logs = Annotated[LogService, Depends(_logs)]
Reports = Annotated[ReportService, Depends(_reports)]
Health = Annotated[HealthService, Depends(_health)]
Changed = Annotated[Wakeup, Depends(_changed)]
Watch = Annotated[Lookout, Depends(_lookout)]
