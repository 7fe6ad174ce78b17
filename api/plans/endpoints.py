"""`POST /v1/plans`."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Document, Plans
from api.errors import responses
from api.experiments.examples import REQUEST_BODY
from api.plans.schemas import PlanView

router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.post("", openapi_extra=REQUEST_BODY, responses=responses(413, 415, 422))
def plan(document: Document, plans: Plans) -> PlanView:
    """Dry run: the stages of a spec, which of them are recorded, and why not. Takes no resources."""
    return plans.dry_run(document)
