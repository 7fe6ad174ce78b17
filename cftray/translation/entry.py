"""A worker's entry point as a driver may import it: the translator's libraries are loaded when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def translating(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    """See `cftray.translation.worker.Worker`."""
    from cftray.translation.worker import Worker

    return Worker(request)
