"""The states of an experiment, of its stages and of its attempts.

queued -> running -> succeeded | failed | cancelled, and cancelling -> cancelled. An attempt that ends
for the platform's fault (crashed) sends its experiment back to queued until the limit is reached.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an experiment is."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def terminal(self) -> bool:
        """Whether nothing happens any more unless somebody asks for it."""
        return self in TERMINAL


TERMINAL = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})
OPEN = (State.QUEUED, State.RUNNING, State.CANCELLING)


class Outcome(StrEnum):
    """How an attempt ended. FAILED is the experiment's fault, CRASHED the platform's."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


class StageState(StrEnum):
    """Where a stage is. CACHED: recorded by another experiment; RECORDED: by this one."""

    NEW = "new"
    WAITING = "waiting"
    RUNNING = "running"
    RECORDED = "recorded"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"

    @property
    def done(self) -> bool:
        """Whether its result is in the store."""
        return self in (StageState.RECORDED, StageState.CACHED)


GATE_CLOSED = "gate closed: "
"""How `why` of a stage begins that a closed gate leaves out."""

TRIAL_OVER = "trial over: "
"""How it begins of a stage that only a trial needed that was stopped early, or failed."""

LEFT_OUT = (GATE_CLOSED, TRIAL_OVER)
"""What is left out so was not lost: the work is done without it."""

NEEDS = "needs "
"""How it begins of a stage that is left out because one that it needs has failed."""


class Happening(StrEnum):
    """Kinds of the control plane's own events, beside those of a job (`cftray.store.events`)."""

    QUEUED = "experiment.queued"
    CANCELLING = "experiment.cancelling"
    SUCCEEDED = "experiment.succeeded"
    FAILED = "experiment.failed"
    CANCELLED = "experiment.cancelled"
    PLAN_COMPLETED = "plan.completed"
    ATTEMPT_SUBMITTED = "attempt.submitted"
    ATTEMPT_ENDED = "attempt.ended"
    WAITING = "experiment.waiting"
