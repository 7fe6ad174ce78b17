"""What is known of a sweep's trials, whichever attempt of its job found it out.

    sweeps/swp_…/9f…/3.rung-1.json    trial 3 has been scored at its first rung
    sweeps/swp_…/9f…/3.end.json       it has come to its end: trained whole, stopped at a rung, or failed
    sweeps/swp_…/9f…/halving.pickle   what early stopping remembers

9f… stands for the plan's fingerprints: a sweep that is tried again after its data or our code have changed compares no
trial with one of before. Scores are in the records too; which trials were stopped, and that they were, is here alone.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cftray.plan.canonical import canonical
from cftray.store.atomic import write_atomic, write_exclusive
from cftray.store.records import Failure


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RungReached(_Kept):
    """A trial's scores at a rung, from 1, after `share` of phase 2's steps. Scores are 0 to 1, means over replicas.

    `value` is that of the score that is maximised, `violation` how far the constraints are missed, 0 where they hold;
    `at` is when it was scored, UTC, ISO 8601.
    """

    trial: int
    rung: int
    share: float
    at: str
    p1: dict[str, float]
    p2: dict[str, float]
    value: float
    violation: float


class TrialEnd(StrEnum):
    """How a trial came to its end."""

    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


class TrialEnded(_Kept):
    """A trial's end, at `rung`, from 1; 0 where it failed before the first. `failure` where it failed."""

    trial: int
    end: TrialEnd
    rung: int
    failure: Failure | None = None


class SweepFolder:
    """See the module. Each file has one writer at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def halving(self) -> Path:
        """Where early stopping keeps what it remembers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / "halving.pickle"

    def reach(self, reached: RungReached) -> None:
        """Keep a trial's scores at a rung."""
        write_atomic(self.folder / f"{reached.trial}.rung-{reached.rung}.json", canonical(reached) + "\n")

    def end(self, ended: TrialEnded) -> None:
        """Keep how a trial ended; the first word counts."""
        write_exclusive(self.folder / f"{ended.trial}.end.json", canonical(ended) + "\n")

    def rungs(self, trial: int) -> list[RungReached]:
        """The rungs that a trial has come to, in order."""
        found = [RungReached.model_validate_json(one.read_text()) for one in self.folder.glob(f"{trial}.rung-*.json")]
        return sorted(found, key=lambda one: one.rung)

    def ended(self, trial: int) -> TrialEnded | None:
        """How a trial ended; None while it has not."""
        try:
            return TrialEnded.model_validate_json((self.folder / f"{trial}.end.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    def try_again(self, trial: int) -> None:
        """Forget that a trial has failed."""
        ended = self.ended(trial)
        if ended is not None and ended.end is TrialEnd.FAILED:
            (self.folder / f"{trial}.end.json").unlink()
