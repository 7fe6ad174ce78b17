"""Ray Tune's asynchronous successive halving, told of a sweep's rungs, and remembering over attempts.

Rung k of a sweep is time `reduction_factor` ** (k - 1) for the scheduler, so that its milestones are ours.
"""

from __future__ import annotations

import logging
import os
import pickle
from pathlib import Path
from typing import Any

from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from cftray.spec.sweep import EarlyStopping
from cftray.store import SweepFolder, TrialEnd, TrialEnded

RANK, TIME, TRIAL, RUNG = "rank", "time", "trial", "rung"
"""What a trial reports, and the one key of its configuration."""

log = logging.getLogger("cftray.sweep")


class Halving(ASHAScheduler):
    """A decision is written down before it is told: who was stopped stays so, who went on is not asked again."""

    def __init__(self, stopping: EarlyStopping, folder: Path) -> None:
        super().__init__(
            time_attr=TIME,
            metric=RANK,
            mode="max",
            grace_period=1,
            reduction_factor=stopping.reduction_factor,
            max_t=stopping.reduction_factor ** len(stopping.rungs),
        )
        self.folder = str(folder)
        self.gone_on: set[tuple[int, int]] = set()
        memory = SweepFolder(folder).halving
        if memory.exists():
            self.restore(str(memory))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Whether the trial goes on from the rung that it reports."""
        number, rung = int(trial.config[TRIAL]), int(result[RUNG])
        if (number, rung) in self.gone_on:
            return str(TrialScheduler.CONTINUE)
        decision = str(super().on_trial_result(tune_controller, trial, result))
        stopped = decision == TrialScheduler.STOP and result[TIME] < self._max_t
        if not stopped:
            self.gone_on.add((number, rung))
        folder = SweepFolder(Path(self.folder))
        self.save(str(folder.halving))
        if stopped:
            folder.end(TrialEnded(trial=number, end=TrialEnd.STOPPED, rung=rung))
            log.info("trial %d is stopped at rung %d", number, rung)
        return decision

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:  # noqa: ARG002
        """Nothing is decided here: a trial has been judged at every rung that it came to.

        Tune's own would enter its last score once more, and in an attempt after the first, where trials have new ids,
        at a rung at which it stands already.
        """
        self._trial_info.pop(trial.trial_id, None)

    def save(self, checkpoint_path: str) -> None:
        """Keep what is remembered, whole or not at all."""
        beside = f"{checkpoint_path}.{os.getpid()}"
        with open(beside, "wb") as file:
            pickle.dump(self.__dict__, file)
        os.replace(beside, checkpoint_path)
