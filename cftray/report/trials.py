"""How a sweep's trials stand beside each other, from the sweep's folder and the records.

    best     of the trials that were trained whole and keep to every constraint, the one whose score is highest
    front    the whole trials that no other whole trial beats in one of TA's and LA's change without losing in the other

Both say nothing of trials that were stopped: their scores are those of a phase 2 that was cut short.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from cftray.data.scores import Level
from cftray.plan import Plan, Trial
from cftray.report.results import results_over
from cftray.report.views import Change
from cftray.spec import SweepSpec
from cftray.store import RungReached, Store, TrialEnd

TA, LA = "ta", "la"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrialState(StrEnum):
    """How a trial is: not begun, under way, trained whole, stopped at a rung, failed, or left behind by a sweep that
    ended before it did."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    LEFT = "left"


class RungTold(_Told):
    """Scores after `share` of phase 2, 0 to 1: of P1 and P2, those that the objective names and both suites' means.

    `value` is that of the score to be maximised; `violation` how far the constraints are missed in all; `at` is when it
    was scored.
    """

    share: float
    at: str
    p1: dict[str, float]
    p2: dict[str, float]
    value: float
    violation: float

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds."""
        return self.violation <= 0

    def change(self, score: str) -> float | None:
        """P2 less P1."""
        return self.p2[score] - self.p1[score] if score in self.p1 and score in self.p2 else None


class TrialTold(_Told):
    """A trial, from 1: its values, and the rungs that it came to. `changes` of TA and LA with their intervals, each
    corrected within its own trial, where it was trained whole; `failure` in words."""

    number: int
    values: dict[str, Any]
    state: TrialState
    rungs: tuple[RungTold, ...]
    changes: dict[str, Change] = {}
    failure: str | None = None

    @property
    def open(self) -> bool:
        """Whether it is still to come to its end."""
        return self.state in (TrialState.QUEUED, TrialState.RUNNING)

    @property
    def begun(self) -> bool:
        """Whether it surely has; of one that was left behind before its first rung nobody can say."""
        return self.state is not TrialState.QUEUED and (self.state is not TrialState.LEFT or bool(self.rungs))

    @property
    def last(self) -> RungTold | None:
        """The furthest rung."""
        return self.rungs[-1] if self.rungs else None


class SweepResults(_Told):
    """See the module; trials in their order, `best` and `front` by number. `complete` when every trial has ended."""

    maximise: str
    trials: tuple[TrialTold, ...]
    best: int | None
    front: tuple[int, ...]
    complete: bool

    def trial(self, number: int) -> TrialTold:
        """The trial of that number."""
        return self.trials[number - 1]


def sweep_results(
    sweep: SweepSpec,
    plan: Plan,
    store: Store,
    identifier: str,
    *,
    busy: Collection[str] = (),
    over: bool = False,
    intervals: bool = True,
) -> SweepResults:
    """What is known by now. `busy` names stages that run, `over` says that the sweep has ended; without `intervals`,
    which take a while, there are no `changes`."""
    trials = tuple(_told(trial, plan, store, identifier, busy, intervals=intervals) for trial in plan.trials)
    if over:
        trials = tuple(one.model_copy(update={"state": TrialState.LEFT}) if one.open else one for one in trials)
    whole = {one.number: one.last for one in trials if one.state is TrialState.FINISHED and one.last is not None}
    kept = [number for number, last in whole.items() if last.feasible]
    return SweepResults(
        maximise=sweep.objective.maximise,
        trials=trials,
        best=max(kept, key=lambda number: whole[number].value, default=None),
        front=tuple(_front(whole)),
        complete=all(not one.open and one.state is not TrialState.LEFT for one in trials),
    )


def _told(
    trial: Trial, plan: Plan, store: Store, identifier: str, busy: Collection[str], *, intervals: bool
) -> TrialTold:
    known = store.sweep(identifier, plan)
    ended, rungs = known.ended(trial.number), known.rungs(trial.number)
    state = _STATES[ended.end] if ended is not None else TrialState.QUEUED
    if ended is None and (rungs or _own(trial).intersection(busy)):
        state = TrialState.RUNNING
    return TrialTold(
        number=trial.number,
        values=trial.values,
        state=state,
        rungs=tuple(map(_rung, rungs)),
        changes=_changes(trial, plan, store) if intervals and state is TrialState.FINISHED else {},
        failure=ended.failure.message if ended is not None and ended.failure is not None else None,
    )


_STATES = {
    TrialEnd.FINISHED: TrialState.FINISHED,
    TrialEnd.STOPPED: TrialState.STOPPED,
    TrialEnd.FAILED: TrialState.FAILED,
}


def _own(trial: Trial) -> set[str]:
    """Stages that are called after the trial."""
    return {name for rung in trial.rungs for name in rung.stages if name.startswith(f"t{trial.number:02d}.")}


def _rung(reached: RungReached) -> RungTold:
    return RungTold(
        share=reached.share,
        at=reached.at,
        p1=reached.p1,
        p2=reached.p2,
        value=reached.value,
        violation=reached.violation,
    )


def _changes(trial: Trial, plan: Plan, store: Store) -> dict[str, Change]:
    alone = Plan(stages=plan.stages, outcomes=trial.rungs[-1].outcomes)
    rows = results_over([alone], store).rows
    return {
        row.suite: row.change
        for row in rows
        if row.level is Level.SUITE and not row.paper and row.whole and row.change is not None
    }


def _front(whole: dict[int, RungTold]) -> list[int]:
    """Numbers of trials that none dominates, by TA's change, where both changes are known."""
    places = {
        number: (ta, la)
        for number, last in whole.items()
        if (ta := last.change(TA)) is not None and (la := last.change(LA)) is not None
    }
    found = [
        number
        for number, (ta, la) in places.items()
        if not any(other[0] >= ta and other[1] >= la and other != (ta, la) for other in places.values())
    ]
    return sorted(found, key=lambda number: places[number])
