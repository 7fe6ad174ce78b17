"""What a client of the service may have to catch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import httpx

from cftray.errors import CFTRayError, FailureClass, Fault, SpecRefused

AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""Answers of a service that is not there now, or of what stands before it."""


class ClientError(CFTRayError):
    """Base of what goes wrong between a client and the service."""

    code: ClassVar[str] = "client"
    failure = FailureClass.USER


class Unreachable(ClientError):
    """The service does not answer, or says that it can't now."""

    code = "unreachable"
    failure = FailureClass.INFRA


class Refused(ClientError):
    """The service refused a request; `code` and `faults` are its problem document's."""

    def __init__(self, status: int, code: str, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code  # type: ignore[misc]  # the document's, rather than the class's
        self.faults = tuple(faults)


class ExperimentFailed(ClientError):
    """An experiment that was waited for failed or was cancelled; `view` is what the service says of it."""

    code = "experiment-failed"

    def __init__(self, view: Mapping[str, Any]) -> None:
        failure = view.get("failure") or {}
        super().__init__(f"{view['id']} {view['state']}{': ' if failure else ''}{failure.get('message', '')}")
        self.view = view


def refusal(response: httpx.Response) -> CFTRayError:
    """The error that an answer stands for: SpecRefused, Refused or Unreachable."""
    try:
        problem = response.json()
        problem = problem if isinstance(problem, dict) else {}
    except ValueError:
        problem = {}
    detail = str(problem.get("detail") or f"{response.status_code} {response.reason_phrase}")
    if response.status_code in AWAY:
        return Unreachable(f"{response.request.url.copy_with(path='/', query=None)} can't answer now: {detail}")
    faults = [
        Fault(path=str(one["path"]), given=str(one["given"]), expected=str(one["expected"]))
        for one in problem.get("faults", ())
    ]
    code = str(problem.get("code") or "http-error")
    if code == SpecRefused.code and faults:
        return SpecRefused(faults)
    return Refused(response.status_code, code, detail, faults)
