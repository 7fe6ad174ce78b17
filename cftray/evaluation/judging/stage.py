"""The stage that has a model's answers judged. The driver asks one worker process and reports its progress."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.errors import InternalError
from cftray.evaluation.judging.progress import Watch
from cftray.evaluation.judging.worker import ANNOTATIONS_FILE, SCORES_FILE, judge
from cftray.evaluation.packs import find_pack
from cftray.plan.stages import JudgeConfig
from cftray.stage import Artifact, StageContext


def run(config: JudgeConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `items`, an evaluation's Parquet file; `reference`, the file of the reference's answers or its folder.

    Outputs: `annotations`, a JSON line an item, and `scores`. A judgement that an earlier attempt got, or another stage
    of the same endpoint, model and prompt, is not asked for again.

    Raises as `worker.judge`, and InternalError where the pack is not the one that was planned.
    """
    context.raise_if_stopped()
    pack = find_pack(config.pack)
    if pack.digest != config.pack_digest:
        raise InternalError(f"task pack {pack.name} is not the one that was planned; plan the experiment anew")
    with Watch(context.folder, context.report):
        result: dict[str, Any] = context.workers.call(
            judge, request_of(config, inputs, context), accelerator=None, name="judge"
        )
    return Artifact(
        outputs={"annotations": context.folder / ANNOTATIONS_FILE, "scores": context.folder / SCORES_FILE},
        metrics=result["metrics"],
        details=result["details"] | {"pack": {"name": pack.name, "version": pack.version, "digest": pack.digest}},
    )


def request_of(config: JudgeConfig, inputs: Mapping[str, Path], context: StageContext) -> dict[str, Any]:
    """What the worker is asked; paths are on the file system that all nodes share."""
    return {
        "config": config.model_dump(mode="json"),
        "items": str(inputs["items"].absolute()),
        "reference": str(inputs["reference"].absolute()),
        "folder": str(context.folder.absolute()),
        "earlier": [str(one.absolute()) for one in context.earlier],
        "parts": None if context.parts is None else str(context.parts.absolute()),
        "stop": str(context.stop.absolute()),
        "budget": context.execution.endpoint_budget.model_dump(mode="json"),
    }
