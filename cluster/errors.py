"""What can go wrong with a stack: each message says what was found and what to do."""

from __future__ import annotations

from cftray.errors import CFTRayError, FailureClass


class ClusterError(CFTRayError):
    """The stack can't be brought up or down as asked."""

    code = "cluster"
    failure = FailureClass.INFRA


class PortInUse(ClusterError):
    """Somebody listens where a part of the stack should."""

    code = "port-in-use"


class AlreadyUp(ClusterError):
    """This folder's stack is running."""

    code = "already-up"


class Busy(ClusterError):
    """Another `up` or `down` of the same stack is at work."""

    code = "busy"


class StartFailed(ClusterError):
    """A part ended before it was ready, or took too long."""

    code = "start-failed"


class StopFailed(ClusterError):
    """Something of the stack outlived every signal."""

    code = "stop-failed"
