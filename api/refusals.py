"""What the service refuses, in the terms of the library; `api.errors` gives each its status."""

from __future__ import annotations

from typing import ClassVar

from cftray.errors import CFTRayError, FailureClass, Fault


class NotFound(CFTRayError):
    """There is no such thing."""

    code: ClassVar[str] = "not-found"
    failure = FailureClass.USER


class Conflict(CFTRayError):
    """The thing is in a state that rules the wish out."""

    code: ClassVar[str] = "conflict"
    failure = FailureClass.USER


class KeyReused(Conflict):
    """An Idempotency-Key that came with another body before."""

    code = "idempotency-key-reused"


class BadParameter(CFTRayError):
    """A parameter of the request, rather than its body, is wrong."""

    code = "invalid-request"
    failure = FailureClass.USER

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.faults = (fault,)


class UnsupportedBody(CFTRayError):
    """A body in a format that is not read."""

    code = "unsupported-media-type"
    failure = FailureClass.USER


class Unavailable(CFTRayError):
    """Something outside that the answer needs can't be reached now."""

    code = "unavailable"
    failure = FailureClass.INFRA
