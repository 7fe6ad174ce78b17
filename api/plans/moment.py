"""What plans that are made at one moment have in common: looked up and computed once.

The cells of a matrix share most of their inputs and stages. A moment lasts as long as a request.
"""

from __future__ import annotations

import functools

from api.experiments.states import StageState
from api.plans.checks import FileChecks
from api.plans.repository import PlanRepository
from api.plans.schemas import PlannedStage
from api.tables import StageRow
from cftray.plan import Known
from cftray.store import LeafDigests, Store


class Moment:
    """Digests of leaves, fingerprints, records, and how stages stand, as they are now."""

    def __init__(self, store: Store, digests: LeafDigests, checks: FileChecks) -> None:
        self.known = Known()
        self.digest = functools.cache(digests.known)
        self.record = functools.cache(store.record)
        self.checks = checks.remembering()
        self.looked: dict[str, tuple[StageState, str]] = {}
        """By fingerprint: equal stages have equal inputs, and stand alike."""
        self.planned: dict[tuple[object, ...], PlannedStage] = {}
        """Stages as the API tells them, by all that it tells."""
        self._last: dict[str, StageRow | None] = {}

    def last_done(self, name: str, repository: PlanRepository) -> StageRow | None:
        """The stage of that name that was recorded last."""
        if name not in self._last:
            self._last[name] = repository.last_done(name)
        return self._last[name]
