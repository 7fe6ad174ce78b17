"""The only place that knows HTTP's statuses: every error becomes an RFC 9457 problem document."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from api.refusals import BadParameter, Conflict, NotFound, Unavailable, UnsupportedBody
from cftray.errors import CFTRayError, FailureClass, Fault, SpecRefused

log = logging.getLogger("cftray.api")

MEDIA_TYPE = "application/problem+json"
STATUS: tuple[tuple[type[CFTRayError], int], ...] = (
    (NotFound, 404),
    (Conflict, 409),
    (UnsupportedBody, 415),
    (Unavailable, 503),
    (SpecRefused, 422),
)
STATUS_OF_CLASS = {
    FailureClass.USER: 422,
    FailureClass.DATA: 422,
    FailureClass.OOM: 503,
    FailureClass.INFRA: 503,
    FailureClass.INTERNAL: 500,
}


class FaultView(BaseModel):
    """One thing wrong with a request."""

    model_config = ConfigDict(from_attributes=True)

    path: str
    given: str
    expected: str


class Problem(BaseModel):
    """RFC 9457. `code` is stable, for programs; `detail` is for people; `faults` holds all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Unprocessable Content",
                "status": 422,
                "detail": "1 fault, nothing was stored",
                "instance": "/v1/experiments",
                "code": "spec-refused",
                "faults": [
                    {"path": "execution.workers", "given": "24",
                     "expected": "a step has 16 samples (phase2.hyperparameters.global_batch): at most 16 workers"}
                ],
            }
        }
    )  # fmt: skip

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    code: str
    faults: list[FaultView] = []


def problem(
    status: int,
    code: str,
    detail: str,
    instance: str,
    faults: Iterable[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document as a response."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=instance,
        code=code,
        faults=[FaultView.model_validate(fault) for fault in faults],
    )
    return JSONResponse(body.model_dump(), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers of an endpoint, for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document."""
    app.add_exception_handler(CFTRayError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(Exception, _unexpected)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, CFTRayError)
    status = next((code for kind, code in STATUS if isinstance(error, kind)), STATUS_OF_CLASS[error.failure])
    faults = error.faults if isinstance(error, SpecRefused | BadParameter) else ()
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error.message)
    return problem(status, error.code, error.message.partition("\n")[0], request.url.path, faults)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault(
            path=".".join(str(part) for part in one["loc"][1:]) or str(one["loc"][0]),
            given=str(one.get("input"))[:80],
            expected=str(one["msg"]).removeprefix("Input should be "),
        )
        for one in error.errors()
    ]
    noun = "fault" if len(faults) == 1 else "faults"
    return problem(422, "invalid-request", f"{len(faults)} {noun} in the request", request.url.path, faults)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != phrase else f"{phrase}: {request.method} {request.url.path}"
    code = phrase.lower().replace(" ", "-")
    return problem(error.status_code, code, detail, request.url.path, headers=error.headers)


def _database(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s: database: %s", request.method, request.url.path, error, exc_info=error)
    return problem(503, "database-unavailable", "the database does not answer; try again", request.url.path)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return problem(500, "internal", "a fault of CFTRay; the service's log says more", request.url.path)
