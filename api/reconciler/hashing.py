"""Digests of large inputs, made in the background: a POST does not wait for gigabytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from cftray.plan import Leaf, LeafInput, Plan
from cftray.store import LeafDigests


class Hashing:
    """Hashes each leaf once at a time, whoever waits for it, and calls `done` after each."""

    def __init__(self, digests: LeafDigests, done: Callable[[], None]) -> None:
        self.digests = digests
        self.done = done
        self._lock = threading.Lock()
        self._running: dict[Leaf, Future[str]] = {}
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hashing")

    def pending(self, plan: Plan) -> list[Leaf]:
        """Leaves of `plan` that are still being hashed; starts with those that are not.

        Raises what hashing raised: DataError or ModelError where a file has vanished, OSError.
        """
        return [leaf for leaf in _leaves(plan) if self.digests.known(leaf) is None and not self._made(leaf)]

    def close(self) -> None:
        """Begin no further leaf."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _made(self, leaf: Leaf) -> bool:
        with self._lock:
            future = self._running.get(leaf)
            if future is None:
                future = self._running[leaf] = self._pool.submit(self.digests.make, leaf)
                future.add_done_callback(lambda _: self.done())
                return False
            if not future.done():
                return False
            del self._running[leaf]
        future.result()
        return self.digests.known(leaf) is not None


def _leaves(plan: Plan) -> list[Leaf]:
    sources = [source for node in plan.stages for source in node.inputs.values()]
    return list(dict.fromkeys(source.leaf for source in sources if isinstance(source, LeafInput)))
