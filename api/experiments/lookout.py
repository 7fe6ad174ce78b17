"""How far experiments are, asked of the database once for all streams that want to know at a time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fastapi.concurrency import run_in_threadpool

from api.experiments.repository import Standing
from api.experiments.service import ExperimentService

TOGETHER_S = 0.02
"""A look waits so long for others that were woken by the same change."""


class Lookout:
    """A look answers everyone who asked before it began; for streams of one event loop."""

    def __init__(self, service: ExperimentService) -> None:
        self._service = service
        self._watched: Counter[str] = Counter()
        self._looking = asyncio.Lock()
        self._begun = float("-inf")
        self._seen: Mapping[str, Standing] = {}

    @contextmanager
    def watching(self, identifier: str) -> Iterator[None]:
        """Looks include the experiment while this is open."""
        self._watched[identifier] += 1
        try:
            yield
        finally:
            self._watched[identifier] -= 1
            self._watched += Counter()  # drops what nobody watches

    async def standing(self, identifier: str) -> Standing | None:
        """How a watched experiment stands now; None where it is not there."""
        asked = time.monotonic()
        async with self._looking:
            if self._begun <= asked:
                await asyncio.sleep(TOGETHER_S)
                begun = time.monotonic()
                self._seen = await run_in_threadpool(self._service.standings, tuple(self._watched))
                self._begun = begun
            return self._seen.get(identifier)
