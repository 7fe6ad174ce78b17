"""What endpoints may ask for. Everything is built once, in `api.app`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from api.documents import read_document
from api.experiments.kinds import Kind
from api.experiments.logs import LogService
from api.experiments.lookout import Lookout
from api.experiments.reporting import ReportService
from api.experiments.service import ExperimentService
from api.health.service import HealthService
from api.matrices.reporting import MatrixReportService
from api.matrices.service import MatrixService
from api.plans.service import PlanService
from api.wakeup import Wakeup


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The services for work of one kind."""

    work: ExperimentService
    logs: LogService
    reports: ReportService


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of one application."""

    desks: Mapping[Kind, Desk]
    matrices: MatrixService
    matrix_reports: MatrixReportService
    plans: PlanService
    health: HealthService
    changed: Wakeup
    lookout: Lookout

    @property
    def experiments(self) -> ExperimentService:
        """What may be done with experiments proper."""
        return self.desks[Kind.EXPERIMENT].work


def services(request: Request) -> Services:
    """The application's services."""
    found: Services = request.app.state.services
    return found


_Services = Annotated[Services, Depends(services)]


def _desk(request: Request, all_of_them: _Services) -> Desk:
    """That of the kind whose path the route begins with: endpoints of all kinds are the same functions."""
    path: str = request.scope["route"].path
    return next(desk for kind, desk in all_of_them.desks.items() if path.startswith(kind.path))


_Desk = Annotated[Desk, Depends(_desk)]


def _work(desk: _Desk) -> ExperimentService:
    return desk.work


def _matrices(all_of_them: _Services) -> MatrixService:
    return all_of_them.matrices


def _matrix_reports(all_of_them: _Services) -> MatrixReportService:
    return all_of_them.matrix_reports


def _plans(all_of_them: _Services) -> PlanService:
    return all_of_them.plans


def _logs(desk: _Desk) -> LogService:
    return desk.logs


def _reports(desk: _Desk) -> ReportService:
    return desk.reports


def _health(all_of_them: _Services) -> HealthService:
    return all_of_them.health


def _changed(all_of_them: _Services) -> Wakeup:
    return all_of_them.changed


def _lookout(all_of_them: _Services) -> Lookout:
    return all_of_them.lookout


Document = Annotated[dict[str, Any], Depends(read_document)]
Work = Annotated[ExperimentService, Depends(_work)]
Matrices = Annotated[MatrixService, Depends(_matrices)]
MatrixReports = Annotated[MatrixReportService, Depends(_matrix_reports)]
Plans = Annotated[PlanService, Depends(_plans)]
Logs = Annotated[LogService, Depends(_logs)]
Reports = Annotated[ReportService, Depends(_reports)]
Health = Annotated[HealthService, Depends(_health)]
Changed = Annotated[Wakeup, Depends(_changed)]
Watch = Annotated[Lookout, Depends(_lookout)]
