"""`GET /v1/schema`."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.experiments.kinds import SPECS, Kind

router = APIRouter(prefix="/v1/schema", tags=["schema"])


@router.get("")
def schema(
    kind: Annotated[Kind, Query(description="what the spec asks for")] = Kind.EXPERIMENT,
) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a spec, for editors: `# yaml-language-server: $schema=…/v1/schema`."""
    return _schema(kind)


@cache
def _schema(kind: Kind) -> dict[str, Any]:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | SPECS[kind].model_json_schema()
