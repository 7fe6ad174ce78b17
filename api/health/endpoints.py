"""`/healthz` and `/readyz`."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import Health
from api.health.schemas import Alive, Ready
from cftray import __version__

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> Alive:
    """The process answers."""
    return Alive(status="ok", version=__version__)


@router.get("/readyz", responses={503: {"model": Ready, "description": "something needed is down"}})
def ready(health: Health, response: Response) -> Ready:
    """Whether work can be taken and started: the database, Ray and MLflow, each by name."""
    told = health.ready()
    response.status_code = 200 if told.ready else 503
    return told
