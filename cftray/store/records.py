"""A record: the truth about one stage's output. Present means complete."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from cftray.errors import FailureClass


class Output(BaseModel):
    """A file or folder that a stage made; `path` is relative to the stage's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    sha256: str
    size: int


class Record(BaseModel):
    """Written last, once, and never changed. Times are UTC, ISO 8601; seconds are wall time.

    Where something was `lacking` the output is what could be made without it; once that can be had, a record of this
    kind is put aside and the stage runs again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fingerprint: str
    kind: str
    title: str
    config: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, Output]
    metrics: dict[str, float]
    details: dict[str, Any]
    execution: dict[str, Any]
    provenance: dict[str, Any]
    experiment: str
    attempt: int
    started_at: str
    finished_at: str
    seconds: float
    lacking: tuple[str, ...] = ()


class Failure(BaseModel):
    """Why an attempt failed, in the terms of `cftray.errors`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failure: FailureClass
    code: str
    message: str
    retryable: bool
    stage: str | None = None
    log_tail: str = ""
