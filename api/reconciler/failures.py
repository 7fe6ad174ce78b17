"""Failures that the control plane finds, rather than a job."""

from __future__ import annotations

from api.ray_jobs import JobState, RayStatus
from cftray.errors import CFTRayError, FailureClass
from cftray.store import Failure

TAIL_LINES = 40


def job_lost(state: JobState) -> Failure:
    """A job that ended, or fell silent, without saying how."""
    if state.status is RayStatus.MISSING:
        ray = "Ray does not know it any more"
    else:
        ray = f"Ray: {state.status}{', ' + state.message.strip() if state.message else ''}"
    return Failure(
        failure=FailureClass.INFRA,
        code="job-lost",
        message=f"the job ended without saying how ({ray[:500]}); its log may tell",
        retryable=True,
    )


def unreadable_events(error: Exception) -> Failure:
    """A job whose events make no sense: another version of CFTRay on the cluster, most likely."""
    return Failure(
        failure=FailureClass.INTERNAL,
        code="unreadable-events",
        message="the job's events can't be read; see that cluster and service run one version of CFTRay",
        retryable=False,
        log_tail=str(error)[:2000],
    )


def failure_of(error: CFTRayError | OSError) -> Failure:
    """An error that stopped the planning of an experiment that was accepted."""
    if isinstance(error, CFTRayError):
        return Failure(failure=error.failure, code=error.code, message=error.message, retryable=error.retryable)
    return Failure(
        failure=FailureClass.INFRA,
        code="system",
        message=f"{error}; see to the file system, then retry",
        retryable=True,
    )


def with_log_tail(failure: Failure, log: str | None) -> Failure:
    """`failure` with the end of the job's log, where it has none of its own."""
    if failure.log_tail or not log:
        return failure
    return failure.model_copy(update={"log_tail": "\n".join(log.splitlines()[-TAIL_LINES:])})
