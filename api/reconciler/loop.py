"""The asyncio tasks that keep looking. Their work is done in threads, so no request waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from api.reconciler.reconciler import Reconciler
from api.reconciler.tracking import Tracking
from api.settings import Settings
from api.wakeup import Wakeup

log = logging.getLogger("cftray.reconciler")


async def reconcile(reconciler: Reconciler, wakeup: Wakeup, changed: Wakeup, settings: Settings) -> None:
    """Step for ever: soon while something is open, and at once when `wakeup` says so."""
    with wakeup.subscribe() as waiter:
        while True:
            busy = await _guarded(reconciler.step)
            changed.notify()
            await waiter.wait(settings.poll_s if busy else settings.idle_poll_s)


async def track(tracking: Tracking, changed: Wakeup, settings: Settings) -> None:
    """Tell the observer of changes, whenever there are some."""
    with changed.subscribe() as waiter:
        while True:
            await _guarded(tracking.step)
            await waiter.wait(settings.idle_poll_s)
            await asyncio.sleep(settings.poll_s)  # changes of a moment are told together


async def _guarded(step: Callable[[], bool]) -> bool:
    """A step in a thread; an error, such as a database that is away, is logged and the loop goes on."""
    try:
        return await asyncio.to_thread(step)
    except Exception:
        log.exception("a look at the open experiments failed; the next one follows")
        return False
