"""Trials tell of themselves in files of their own; the job's one writer takes them in, in the order of their coming."""

from __future__ import annotations

import threading
from collections.abc import Collection
from types import TracebackType

from cftray.plan import Trial
from cftray.store import EventLog, EventWriter, JobFolder, Store, TrialEnd, TrialEnded
from cftray.store.events import EventKind

POLL_S = 0.5


class Relay:
    """Takes in what trials write while the context is open, and all of it at its end."""

    def __init__(self, store: Store, folder: JobFolder, events: EventWriter, poll_s: float = POLL_S) -> None:
        request = folder.request()
        self.plan = request.plan
        self.known = store.sweep(request.experiment)
        self.folder = folder
        self.events = events
        self.poll_s = poll_s
        self._read = dict.fromkeys([trial.number for trial in self.plan.trials], 0)
        self._rungs = {number: len(self.known.rungs(number)) for number in self._read}
        self._ended = {number for number in self._read if self.known.ended(number) is not None}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def __enter__(self) -> Relay:
        for number in self._ended:  # an earlier attempt's: this one's stages have to stand as they were left
            self._tell_end(self.plan.trials[number - 1], told=False)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self.take()

    def take(self) -> None:
        """Everything new since the last look."""
        for trial in self.plan.trials:
            self._take(trial)

    def _run(self) -> None:
        while not self._over.wait(self.poll_s):
            self.take()

    def _take(self, trial: Trial) -> None:
        number = trial.number
        for event in EventLog(self.folder.trial(number)).after(self._read[number]):
            self.events.write(event.kind, event.stage, event.fingerprint, **event.data)
            self._read[number] = event.number
        for reached in self.known.rungs(number)[self._rungs[number] :]:
            self.events.write(EventKind.TRIAL_SCORED, **reached.model_dump(mode="json"))
            self._rungs[number] += 1
        if number not in self._ended and self.known.ended(number) is not None:
            self._ended.add(number)
            self._tell_end(trial, told=True)

    def _tell_end(self, trial: Trial, *, told: bool) -> None:
        ended = self.known.ended(trial.number)
        assert ended is not None
        if told:
            self.events.write(EventKind.TRIAL_ENDED, **ended.model_dump(mode="json"))
        if ended.end is TrialEnd.STOPPED:
            self._skip(trial, ended, self._shared_with_others(trial))

    def _skip(self, trial: Trial, ended: TrialEnded, kept: Collection[str]) -> None:
        """What a stopped trial alone would still have needed is left out."""
        why = f"trial {trial.number} was stopped after {100 * trial.rungs[ended.rung - 1].share:.3g} % of phase 2"
        for rung in trial.rungs[ended.rung :]:
            for name in rung.stages:
                if name not in kept:
                    self.events.write(
                        EventKind.STAGE_SKIPPED, name, self.plan.stage(name).fingerprint, stopped=trial.number, why=why
                    )

    def _shared_with_others(self, trial: Trial) -> set[str]:
        return {
            name
            for other in self.plan.trials
            if other.number != trial.number
            for rung in other.rungs
            for name in rung.stages
        }
