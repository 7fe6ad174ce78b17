"""Trials tell of themselves in files of their own; the job's one writer takes them in, in the order of their coming.

Each trial finds what others have recorded; that is told once.
"""

from __future__ import annotations

from typing import Self

from cftray.plan import Trial
from cftray.plan.sweeping import shared_stages
from cftray.store import EventLog, EventWriter, JobFolder, Store, TrialEnd, TrialEnded
from cftray.store.events import Event, EventKind
from cftray.watching import Watching


class Relay(Watching):
    """Takes in what trials write while the context is open, and all of it at its end."""

    thread_name = "relay"

    def __init__(self, store: Store, folder: JobFolder, events: EventWriter, every_s: float = Watching.every_s) -> None:
        request = folder.request()
        self.store = store
        self.plan = request.plan
        self.known = store.sweep(request.experiment, request.plan)
        self.folder = folder
        self.events = events
        self.every_s = every_s
        self._recorded = set(shared_stages(self.plan))  # the job has told of these before its trials
        self._read = dict.fromkeys([trial.number for trial in self.plan.trials], 0)
        self._rungs = {number: len(self.known.rungs(number)) for number in self._read}
        self._ended = {number for number in self._read if self.known.ended(number) is not None}

    def __enter__(self) -> Self:
        for number in self._ended:  # an earlier attempt's: this one's stages have to stand as they were left
            self._tell_end(self.plan.trials[number - 1], told=False)
        return super().__enter__()

    def look(self) -> None:
        """Everything new since the last look."""
        for trial in self.plan.trials:
            self._take(trial)

    def _take(self, trial: Trial) -> None:
        number = trial.number
        for event in EventLog(self.folder.trial(number)).after(self._read[number]):
            self._pass_on(event)
            self._read[number] = event.number
        for reached in self.known.rungs(number)[self._rungs[number] :]:
            self.events.write(EventKind.TRIAL_SCORED, **reached.model_dump(mode="json"))
            self._rungs[number] += 1
        if number not in self._ended and self.known.ended(number) is not None:
            self._ended.add(number)
            self._tell_end(trial, told=True)

    def _pass_on(self, event: Event) -> None:
        if event.kind is EventKind.STAGE_CACHED and event.stage in self._recorded:
            return
        if event.kind in (EventKind.STAGE_CACHED, EventKind.STAGE_RECORDED) and event.stage is not None:
            self._recorded.add(event.stage)
        self.events.write(event.kind, event.stage, event.fingerprint, **event.data)

    def _tell_end(self, trial: Trial, *, told: bool) -> None:
        ended = self.known.ended(trial.number)
        assert ended is not None
        if told:
            self.events.write(EventKind.TRIAL_ENDED, **ended.model_dump(mode="json"))
        if ended.end is TrialEnd.FINISHED:
            return
        needed = self._needed_by_others(trial)
        for name in self._left(trial, ended):
            fingerprint = self.plan.stage(name).fingerprint
            if name not in needed and (fingerprint is None or self.store.record(fingerprint) is None):
                why = _why(trial, ended)
                self.events.write(EventKind.STAGE_SKIPPED, name, fingerprint, trial=trial.number, why=why)

    def _left(self, trial: Trial, ended: TrialEnded) -> list[str]:
        """What the trial would still have needed; where it failed, what comes behind the stage that did."""
        left = [name for rung in trial.rungs[ended.rung :] for name in rung.stages]
        if ended.end is TrialEnd.STOPPED or ended.failure is None:
            return left
        failed = ended.failure.stage
        return left[left.index(failed) + 1 :] if failed in left else left

    def _needed_by_others(self, trial: Trial) -> set[str]:
        """Stages of trials that go on, or came to their end."""
        ends = {other.number: self.known.ended(other.number) for other in self.plan.trials}
        over = {number for number, end in ends.items() if end is not None and end.end is not TrialEnd.FINISHED}
        going = [other for other in self.plan.trials if other.number not in {*over, trial.number}]
        return {name for other in going for rung in other.rungs for name in rung.stages}


def _why(trial: Trial, ended: TrialEnded) -> str:
    if ended.end is TrialEnd.FAILED:
        return f"trial {trial.number} failed"
    return f"trial {trial.number} was stopped after {100 * trial.rungs[ended.rung - 1].share:.3g} % of phase 2"
