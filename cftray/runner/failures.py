"""Any exception as a Failure: whose move is next, and what to do."""

from __future__ import annotations

import traceback

from cftray.errors import CFTRayError, FailureClass
from cftray.store.records import Failure

TAIL_LINES = 30


def failure_of(error: BaseException, stage: str | None) -> Failure:
    """A CFTRayError speaks for itself; anything else is a fault of ours, told with its traceback."""
    tail = "".join(traceback.format_exception(error)).splitlines()[-TAIL_LINES:]
    if isinstance(error, CFTRayError):
        return Failure(
            failure=error.failure,
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            stage=stage,
            log_tail="\n".join(tail),
        )
    if isinstance(error, MemoryError):
        message = "the stage ran out of memory; lower execution.micro_batch_tokens or raise execution.zero_stage"
        return Failure(
            failure=FailureClass.OOM, code="out-of-memory", message=message, retryable=False, stage=stage,
            log_tail="\n".join(tail),
        )  # fmt: skip
    if isinstance(error, OSError):
        message = f"{type(error).__name__}: {error}; see to the disk or the file system that holds the store"
        return Failure(
            failure=FailureClass.INFRA, code="system", message=message, retryable=True, stage=stage,
            log_tail="\n".join(tail),
        )  # fmt: skip
    message = f"{type(error).__name__}: {error} (a fault of CFTRay; please report it with the log)"
    return Failure(
        failure=FailureClass.INTERNAL, code="internal", message=message, retryable=False, stage=stage,
        log_tail="\n".join(tail),
    )  # fmt: skip


class InheritedFailure(CFTRayError):
    """The stage failed where another experiment ran it, for a reason that would stop this one too."""

    code = "inherited"

    def __init__(self, failure: Failure, experiment: str) -> None:
        super().__init__(f"{failure.message} (as {experiment} ran this shared stage)")
        self.inherited = failure

    @property
    def failure(self) -> FailureClass:  # type: ignore[override]
        """The class of the failure it stands for."""
        return self.inherited.failure
