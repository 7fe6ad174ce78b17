"""Puts the application together. Importing this configures and starts nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from api.database import Database
from api.deps import Desk, Services
from api.errors import Problem, install
from api.experiments.endpoints import evaluations as evaluations_router
from api.experiments.endpoints import experiments as experiments_router
from api.experiments.endpoints import similarity as similarity_router
from api.experiments.endpoints import sweeps as sweeps_router
from api.experiments.kinds import Kind
from api.experiments.logs import LogService
from api.experiments.lookout import Lookout
from api.experiments.reporting import ReportService
from api.experiments.service import Clock, ExperimentService
from api.experiments.views import Views
from api.health.endpoints import router as health_router
from api.health.service import HealthService
from api.matrices.endpoints import router as matrices_router
from api.matrices.reporting import MatrixReportService
from api.matrices.service import MatrixService
from api.middleware import BodyLimit, KnownHosts
from api.mlflow_observer import MlflowObserver
from api.plans.checks import FileChecks
from api.plans.endpoints import router as plans_router
from api.plans.service import PlanService
from api.ray_jobs import Jobs, RayJobs
from api.recipes.endpoints import router as recipes_router
from api.reconciler.hashing import Hashing
from api.reconciler.joblogs import JobLogs
from api.reconciler.loop import reconcile, track
from api.reconciler.reconciler import Reconciler
from api.reconciler.tracking import Observer, Tracking
from api.schema.endpoints import router as schema_router
from api.settings import Settings
from api.wakeup import Wakeup
from cftray import __version__
from cftray.endpoint import Endpoints, read_endpoints
from cftray.store import LeafDigests, Store
from cftray.tracking import MlflowTracker

log = logging.getLogger("cftray.api")

DESCRIPTION = """Experiments of continual fine-tuning: two phases, P1 and P2, trained, evaluated and compared.

POST a spec to `/v1/experiments`, watch `/events`, read `/results`; `/v1/evaluations` score a model without
training one, `/v1/similarity` says how alike data sets are before any training. Every error is an RFC 9457 problem
document; a spec that can't run is refused with every fault at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What stands outside and may be replaced; None: what the settings name."""

    jobs: Jobs | None = None
    observer: Observer | None = None
    clock: Clock = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backstage:
    """What works behind the endpoints."""

    database: Database
    reconciler: Reconciler
    hashing: Hashing
    tracking: Tracking | None
    work: Wakeup
    changed: Wakeup


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> FastAPI:
    """The application over `settings`, by default from the environment."""
    settings = settings or Settings()
    app = FastAPI(
        title="CFTRay",
        version=__version__,
        summary="Continual fine-tuning experiments on Ray",
        description=DESCRIPTION,
        lifespan=_lifespan,
        responses={"default": {"model": Problem, "description": "a problem document"}},
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.services, app.state.backstage = _build(settings, parts or Parts())
    install(app)
    app.add_middleware(BodyLimit, most=settings.max_body_bytes)
    if settings.loopback:
        app.add_middleware(KnownHosts, hosts=_hosts(settings))
    for router in (
        experiments_router, evaluations_router, similarity_router, sweeps_router, matrices_router, plans_router,
        recipes_router, schema_router, health_router,
    ):  # fmt: skip
        app.include_router(router)
    app.add_api_route("/", _index, include_in_schema=False)
    return app


async def _index() -> RedirectResponse:
    return RedirectResponse("/docs")


def _hosts(settings: Settings) -> set[str]:
    public = urlsplit(settings.base_url).hostname
    return {"localhost", "127.0.0.1", "[::1]", settings.host} | ({public} if public else set())


def _build(settings: Settings, parts: Parts) -> tuple[Services, Backstage]:
    database = Database(settings.database_url.get_secret_value())
    store = Store(settings.store)
    token = settings.ray_token.get_secret_value() if settings.ray_token else None
    jobs = parts.jobs or RayJobs(settings.ray_address, token)
    digests = LeafDigests(store.root / "leaves")
    work, changed = Wakeup(), Wakeup()
    endpoints = Endpoints(read_endpoints(settings.endpoints))
    plans = PlanService(database, store, FileChecks(settings), digests, endpoints)
    views = Views(settings, store)
    logs = JobLogs(store, jobs)
    desks = {
        kind: Desk(
            work=ExperimentService(database, plans, views, work, parts.clock, kind),
            logs=LogService(database, logs, kind),
            reports=ReportService(database, store, kind),
        )
        for kind in Kind
    }
    experiments = desks[Kind.EXPERIMENT].work
    services = Services(
        desks=desks,
        matrices=MatrixService(database, store, plans, experiments, views, work, parts.clock),
        matrix_reports=MatrixReportService(database, store),
        plans=plans,
        health=HealthService(database, jobs, settings.mlflow_url),
        changed=changed,
        lookout=Lookout(experiments),
    )
    hashing = Hashing(digests, work.notify)
    reconciler = Reconciler(
        database=database, store=store, jobs=jobs, plans=plans, hashing=hashing, settings=settings,
        clock=parts.clock,
    )  # fmt: skip
    observer = parts.observer or _observer(database, store, settings)
    tracking = Tracking(database, observer, parts.clock) if observer is not None else None
    backstage = Backstage(
        database=database,
        reconciler=reconciler,
        hashing=hashing,
        tracking=tracking,
        work=work,
        changed=changed,
    )
    return services, backstage


def _observer(database: Database, store: Store, settings: Settings) -> Observer | None:
    if settings.mlflow_url is None:
        return None
    return MlflowObserver(database, store, settings, MlflowTracker(settings.mlflow_url))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    behind: Backstage = app.state.backstage
    settings.store.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(behind.database.migrate)
    if settings.loopback:
        log.info("no access keys are configured: listening on loopback only, for this machine's users")
    tasks = [asyncio.create_task(reconcile(behind.reconciler, behind.work, behind.changed, settings))]
    if behind.tracking is not None:
        tasks.append(asyncio.create_task(track(behind.tracking, behind.changed, settings)))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        behind.hashing.close()
        await asyncio.to_thread(behind.database.close)
