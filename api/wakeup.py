"""Tells tasks of the event loop, from any thread, that something changed."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class Wakeup:
    """Each waiter sees every `notify` since it last waited at least once; notifications coalesce."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiters: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def notify(self) -> None:
        """Wake every waiter; callable from any thread."""
        with self._lock:
            waiters = list(self._waiters.items())
        for event, loop in waiters:
            with contextlib.suppress(RuntimeError):  # that loop has just been closed
                loop.call_soon_threadsafe(event.set)

    def subscribe(self) -> Waiter:
        """A waiter for the running loop."""
        waiter = Waiter(self)
        with self._lock:
            self._waiters[waiter.event] = asyncio.get_running_loop()
        return waiter

    def forget(self, event: asyncio.Event) -> None:
        """Stop waking that waiter."""
        with self._lock:
            self._waiters.pop(event, None)


class Waiter:
    """One task's side; use it as a context manager."""

    def __init__(self, wakeup: Wakeup) -> None:
        self.event = asyncio.Event()
        self._wakeup = wakeup

    def __enter__(self) -> Waiter:
        return self

    def __exit__(self, *_: object) -> None:
        self._wakeup.forget(self.event)

    async def wait(self, timeout: float) -> None:
        """Return at the next notification, or after `timeout` seconds."""
        try:
            await asyncio.wait_for(self.event.wait(), timeout)
        except TimeoutError:
            return
        finally:
            self.event.clear()
