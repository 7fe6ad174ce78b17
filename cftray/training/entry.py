"""The worker's entry point as a driver may import it: torch is loaded when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def train_phase(request: Mapping[str, Any]) -> None:
    """See `cftray.training.worker.train_phase`."""
    from cftray.training.worker import train_phase as run_here

    run_here(request)
