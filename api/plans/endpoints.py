"""`POST /v1/plans`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Document, Plans
from api.errors import responses
from api.experiments.examples import REQUEST_BODY
from api.experiments.kinds import Kind
from api.plans.schemas import PlanView

MOST_ROWS = 20

router = APIRouter(prefix="/v1/plans", tags=["plans"])


@router.post("", openapi_extra=REQUEST_BODY, responses=responses(413, 415, 422))
def plan(
    document: Document,
    plans: Plans,
    preview: Annotated[int, Query(ge=0, le=MOST_ROWS, description="rows of each data set to show, token by token")] = 0,
    bundle: Annotated[bool, Query(description="tell digests and configs as an experiment's bundle does")] = False,
    kind: Annotated[Kind, Query(description="what the document is a spec of")] = Kind.EXPERIMENT,
) -> PlanView:
    """Dry run: the stages of a spec, which of them are recorded, and why not. Takes no resources.

    With `preview`, also what the models will see of each phase's data; with `bundle`, all that makes the stages'
    fingerprints, to be held against what another machine had.
    """
    return plans.dry_run(document, preview, kind, bundle=bundle)
