"""The one base error. A message says what was given, what was expected, and what to do.

`failure` sorts an error by whose move is next: `user` and `data` failures are the experiment's and
are never retried; `oom` is retried only under other execution settings; `infra` is the platform's
and is retried with backoff; `internal` is a fault of CFTRay itself.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class FailureClass(StrEnum):
    """Who has to act on a failure."""

    USER = "user"
    DATA = "data"
    OOM = "oom"
    INFRA = "infra"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a request: where, what stood there, what may stand there."""

    path: str
    given: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: {self.given} — {self.expected}"


class CFTRayError(Exception):
    """Base of every error that CFTRay raises on purpose.

    `code` is a stable kebab-case name for programs; `message` is one line for people whose end says
    what to do.
    """

    code: ClassVar[str] = "error"
    failure: ClassVar[FailureClass] = FailureClass.INTERNAL

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def retryable(self) -> bool:
        """Whether the same work under the same settings may succeed next time."""
        return self.failure is FailureClass.INFRA


class SpecRefused(CFTRayError):
    """A spec that can't run, with every fault that could be found at once."""

    code = "spec-refused"
    failure = FailureClass.USER

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        noun = "fault" if len(self.faults) == 1 else "faults"
        lines = "".join(f"\n  {fault}" for fault in self.faults)
        super().__init__(f"{len(self.faults)} {noun}, nothing was stored{lines}")


class DataError(CFTRayError):
    """A data set that can't be used as it is."""

    code = "bad-data"
    failure = FailureClass.DATA


class ModelError(CFTRayError):
    """A model directory that does not load, or does not fit its use."""

    code = "bad-model"
    failure = FailureClass.USER


class ExecutionError(CFTRayError):
    """Execution settings that can't hold for this work."""

    code = "bad-execution"
    failure = FailureClass.USER


class OutOfMemory(CFTRayError):
    """A stage that did not fit into memory."""

    code = "out-of-memory"
    failure = FailureClass.OOM


class InfraError(CFTRayError):
    """A part of the platform failed: a node, a worker process, a service."""

    code = "infra"
    failure = FailureClass.INFRA


class EndpointRefused(CFTRayError):
    """An endpoint that can't be asked as it is set up: unknown, without its key, or saying no to it."""

    code = "endpoint-refused"
    failure = FailureClass.USER


class EndpointUnavailable(CFTRayError):
    """An endpoint that should answer and does not, after every retry."""

    code = "endpoint-unavailable"
    failure = FailureClass.INFRA


class BudgetExceeded(CFTRayError):
    """Work that stopped before it would ask more of an endpoint than it may."""

    code = "budget-exceeded"
    failure = FailureClass.USER


class LeaseLost(CFTRayError):
    """Another attempt has taken over this stage; whatever this one writes no longer counts."""

    code = "lease-lost"
    failure = FailureClass.INFRA


class Cancelled(CFTRayError):
    """Work that stopped because it was asked to."""

    code = "cancelled"
    failure = FailureClass.USER


class InternalError(CFTRayError):
    """Something CFTRay promises did not hold."""

    code = "internal"
    failure = FailureClass.INTERNAL


def nearest(given: str, known: Iterable[str]) -> str:
    """`did you mean x? (all of them)`, for messages that refuse a name."""
    names = sorted(known)
    close = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"{hint}({', '.join(names)})"
