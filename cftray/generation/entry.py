"""An actor's entry point as a driver may import it: torch is loaded when it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def answerer(request: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    """See `cftray.generation.answering.Answerer`."""
    from cftray.generation.answering import Answerer

    return Answerer(request)
