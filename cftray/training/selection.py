"""The stage that chooses what phase 2 leaves frozen (paper, section 5.2). Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.plan.stages import SelectFrozenConfig
from cftray.stage import Artifact, StageContext


def select_frozen(request: Mapping[str, Any]) -> dict[str, Any]:
    """See `cftray.training.selecting.select`; torch is loaded when it is called."""
    from cftray.training.selecting import select

    return select(request)


def run(config: SelectFrozenConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `base`, and `model`, what phase 1 made of it. Outputs: `selection` (JSON) and `picture` (PNG).

    Raises ModelError where they are not of one architecture, or layers or heads can't be frozen as asked.
    """
    context.raise_if_stopped()
    request = {
        "base": str(inputs["base"]),
        "model": str(inputs["model"]),
        "method": config.method,
        "k": config.k,
        "seed": config.seed,
        "folder": str(context.folder.absolute()),
        "stop": str(context.stop.absolute()),
    }
    counts = context.workers.call(select_frozen, request, accelerator=None, name="select_frozen")
    outputs = {"selection": context.folder / "selection.json", "picture": context.folder / "selection.png"}
    return Artifact(outputs=outputs, metrics=counts, details={"method": config.method})
