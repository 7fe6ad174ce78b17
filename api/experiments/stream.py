"""Events live, as Server-Sent Events: each once, in order, from any number on, until the end."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool

from api.experiments.lookout import Lookout
from api.experiments.schemas import EventPage, EventView
from api.experiments.service import ExperimentService
from api.wakeup import Waiter, Wakeup

BATCH = 500
LOOK_S = 1.0
"""Between looks while nothing says that something changed."""
KEEP_ALIVE_S = 15.0


async def stream(
    service: ExperimentService, lookout: Lookout, identifier: str, first: EventPage, changed: Wakeup
) -> AsyncIterator[str]:
    """`first`, then every later event; ends after the last event of a terminal experiment."""
    page, sent = first, time.monotonic()
    yield "retry: 1000\n\n"
    with changed.subscribe() as waiter, lookout.watching(identifier):
        while True:
            for event in page.data:
                yield _frame(event)
            if page.data:
                sent = time.monotonic()
            elif page.terminal:
                return
            elif time.monotonic() - sent > KEEP_ALIVE_S:
                yield ": still here\n\n"
                sent = time.monotonic()
            if page.has_more or page.terminal or await _moved(lookout, identifier, page, waiter):
                page = await run_in_threadpool(service.events, identifier, page.next, BATCH)
            else:
                page = page.model_copy(update={"data": []})


async def _moved(lookout: Lookout, identifier: str, page: EventPage, waiter: Waiter) -> bool:
    """Whether the experiment has gone on since `page`, after a wait for something to change."""
    await waiter.wait(LOOK_S)
    standing = await lookout.standing(identifier)
    return standing is None or standing.last_event > page.next or standing.state.terminal


def _frame(event: EventView) -> str:
    data = json.dumps(event.model_dump(mode="json"), ensure_ascii=False)
    return f"id: {event.seq}\nevent: {event.kind}\ndata: {data}\n\n"
