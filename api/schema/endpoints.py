"""`GET /v1/schema`."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter

from cftray.spec import ExperimentSpec

router = APIRouter(prefix="/v1/schema", tags=["schema"])


@router.get("")
def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a spec, for editors: `# yaml-language-server: $schema=…/v1/schema`."""
    return _schema()


@cache
def _schema() -> dict[str, Any]:
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | ExperimentSpec.model_json_schema()
