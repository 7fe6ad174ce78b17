"""Tells an observer (MLflow's writer) of every experiment that changed, without ever being waited for.

What has been told is remembered in the database (`tracked_seq`), so a service that starts again, or
an observer that was away, goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from api.database import Database
from api.experiments.repository import ExperimentRepository
from cftray.errors import InfraError

log = logging.getLogger("cftray.tracking")

FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 60.0
BATCH = 50


class Observer(Protocol):
    """Somebody who wants to know of changes."""

    def observe(self, experiment_id: str) -> None:
        """Bring the view of this experiment up to date; calling it again is harmless. May raise."""


class Tracking:
    """One step tells of every change since the last. An observer that is away is left alone for a while,
    longer each time; one that refuses a single experiment hears of the others all the same."""

    def __init__(self, database: Database, observer: Observer, clock: Callable[[], datetime]) -> None:
        self.database = database
        self.observer = observer
        self.clock = clock
        self._away = Pause()
        self._refused: dict[str, Pause] = {}

    def step(self) -> bool:
        """Tell of what changed; False where nothing could be told."""
        now = self.clock()
        if self._away.holds(now):
            return False
        left_out = [identifier for identifier, pause in self._refused.items() if pause.holds(now)]
        with self.database.read() as session:
            changed = ExperimentRepository(session).untracked(BATCH, left_out)
        for identifier, last_event in changed:
            try:
                self.observer.observe(identifier)
            except (InfraError, OSError) as error:
                wait = self._away.lengthen(now)
                log.warning("nothing can be tracked now (%s); tried again in %.0f s", error, wait)
                return False
            except Exception:
                wait = self._refused.setdefault(identifier, Pause()).lengthen(now)
                log.exception("%s could not be tracked; tried again in %.0f s", identifier, wait)
                continue
            self._refused.pop(identifier, None)
            self._note(identifier, last_event)
        self._away = Pause()
        return bool(changed)

    def _note(self, identifier: str, last_event: int) -> None:
        with self.database.write() as session:
            row = ExperimentRepository(session).get(identifier, lock=True)
            if row is not None:
                row.tracked_seq = max(row.tracked_seq, last_event)


@dataclass
class Pause:
    """How long to leave something alone: doubled each time, up to a minute."""

    seconds: float = 0.0
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is not over yet."""
        return self.until is not None and now < self.until

    def lengthen(self, now: datetime) -> float:
        """Begin the next pause; returns its seconds."""
        self.seconds = min(LONGEST_PAUSE_S, self.seconds * 2 or FIRST_PAUSE_S)
        self.until = now + timedelta(seconds=self.seconds)
        return self.seconds
