"""The stage that measures how far two models are from each other.

A worker reads them, not the driver: the cluster then counts its core, gigabytes are not read through the node
that all drivers share, and a driver outlives whatever happens. The pairs of a set are stages of their own,
so many run at once over the cluster.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.analysis.entry import compare_models
from cftray.analysis.progress import Follow
from cftray.plan.analysis_stages import MpdConfig
from cftray.stage import Artifact, StageContext
from cftray.store.atomic import write_atomic

FILE_NAME = "mpd.json"


def run(config: MpdConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:  # noqa: ARG001
    """Inputs: `first` and `second`, model folders. Output: `mpd`, a JSON file of what the details say.

    Raises ModelError where they are not of one architecture or can't be read, Cancelled when asked to stop.
    """
    context.raise_if_stopped()
    request = {
        "first": str(inputs["first"].absolute()),
        "second": str(inputs["second"].absolute()),
        "folder": str(context.folder.absolute()),
        "stop": str(context.stop.absolute()),
    }
    started = time.monotonic()
    with Follow(context.folder, context.report):
        found: dict[str, Any] = context.workers.call(compare_models, request, accelerator=None, name="mpd")
    path = context.folder / FILE_NAME
    write_atomic(path, json.dumps(found))
    metrics = {
        "mpd": float(found["mpd"]),
        "tensors": float(found["tensors"]),
        "parameters": float(found["size"]),
        "gigabytes_read": found["bytes"] / 1e9,
        "seconds": time.monotonic() - started,
    }
    return Artifact(outputs={"mpd": path}, metrics=metrics, details=found)
