"""Whose turn is next where more experiments wait than there are places: see `cftray.plan.schedule`.

What a plan needs is read once and remembered for as long as its experiment waits or runs; so are the seconds of stages
that have a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api.database import Database
from api.experiments.repository import ExperimentRepository, OpenExperiment
from api.experiments.states import State
from cftray.plan import Plan
from cftray.plan.schedule import Step, Waiting, seconds_of, steps_of, submission_order
from cftray.store import Store


class Turns:
    """Remembers between looks. Not for several threads."""

    def __init__(self, database: Database, store: Store) -> None:
        self.database = database
        self.store = store
        self._waiting: dict[str, Waiting] = {}
        self._recorded: dict[str, float] = {}
        """Seconds of recorded stages, by fingerprint."""

    def order(self, opened: Sequence[OpenExperiment], places: int) -> list[OpenExperiment]:
        """`opened`, those that wait with a complete plan in the order in which they are begun, behind all others.

        As they came where there are `places` for all of them, or none for any.
        """
        waiting = [one for one in opened if one.attempt is None and one.state is State.QUEUED and one.plan_complete]
        if places <= 0 or len(waiting) <= places:
            return list(opened)
        self._learn(opened)
        ids = {one.id for one in waiting}
        running = [self._waiting[one.id] for one in opened if one.id not in ids and one.id in self._waiting]
        asked = [self._waiting[one.id] for one in waiting]
        steps = [step for one in (*asked, *running) for step in one.steps]
        self._look(steps)
        known = {step.work: self._recorded[step.fingerprint] for step in steps if step.fingerprint in self._recorded}
        order = submission_order(
            asked,
            recorded=self._recorded.keys(),
            making={step.fingerprint for one in running for step in one.steps},
            seconds=seconds_of(steps, known),
        )
        by_id = {one.id: one for one in waiting}
        return [*(one for one in opened if one.id not in ids), *(by_id[key] for key in order)]

    def _learn(self, opened: Iterable[OpenExperiment]) -> None:
        """Read the plans that are not known yet; forget those of experiments that are over."""
        complete = [one.id for one in opened if one.plan_complete]
        self._waiting = {one: self._waiting[one] for one in complete if one in self._waiting}
        missing = [one for one in complete if one not in self._waiting]
        if not missing:
            return
        with self.database.read() as session:
            found = ExperimentRepository(session).plans(missing)
        for one in found:
            steps = steps_of(Plan.model_validate_json(one.plan))
            self._waiting[one.id] = Waiting(key=one.id, group=one.matrix or one.id, steps=steps)

    def _look(self, steps: Iterable[Step]) -> None:
        """Which stages have got a record since the last look."""
        for fingerprint in {step.fingerprint for step in steps} - self._recorded.keys():
            record = self.store.record(fingerprint)
            if record is not None:
                self._recorded[fingerprint] = record.seconds
