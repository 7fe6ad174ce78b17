"""The stage that scores a model. The driver asks one worker process and reports its progress."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.data.templates import chat_template_text
from cftray.errors import InternalError
from cftray.evaluation.aggregate import TaskScore, metrics_of
from cftray.evaluation.packs import find_pack
from cftray.evaluation.progress import ProgressReader
from cftray.evaluation.worker import ITEMS_FILE, SCORES_FILE, evaluate
from cftray.plan.packs import Pack
from cftray.plan.stages import EvaluateConfig
from cftray.stage import Artifact, StageContext


def run(config: EvaluateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `model`, the folder to score; `tokenizer`, whose tokenizer and template prompt it.

    Outputs: `items`, a Parquet file of every item, and `scores`, the main metric of each in brief.
    Raises ModelError where model, tokenizer and template don't fit, Cancelled when asked to stop,
    InternalError where the pack is not the one that was planned.
    """
    context.raise_if_stopped()
    pack = find_pack(config.pack)
    if pack.digest != config.pack_digest:
        raise InternalError(f"task pack {pack.name} is not the one that was planned; plan the experiment anew")
    with ProgressReader(context.folder, context.report):
        result: dict[str, Any] = context.workers.call(
            evaluate, request_of(config, inputs, context), accelerator=context.execution.accelerator, name="evaluate"
        )
    return artifact_of(pack, config, result, context.folder)


def request_of(config: EvaluateConfig, inputs: Mapping[str, Path], context: StageContext) -> dict[str, Any]:
    """What the worker is asked; paths are on the file system that all nodes share."""
    return {
        "model_dir": str(inputs["model"]),
        "tokenizer_dir": str(inputs["tokenizer"]),
        "template_text": chat_template_text(config.template, inputs["tokenizer"]),
        "pack": str(config.pack),
        "pack_digest": config.pack_digest,
        "suites": [str(suite) for suite in config.suites],
        "batch_size": config.batch_size,
        "limit": config.limit,
        "precision": str(config.precision),
        "folder": str(context.folder),
        "stop": str(context.stop),
    }


def artifact_of(pack: Pack, config: EvaluateConfig, result: Mapping[str, Any], folder: Path) -> Artifact:
    """The worker's answer with means over languages, benchmarks and suites."""
    scored = {one["task"]: TaskScore(one["score"], one["stderr"], one["n"]) for one in result["tasks"]}
    details = {**result, "pack": {"name": pack.name, "version": pack.version, "digest": pack.digest}}
    return Artifact(
        outputs={"items": folder / ITEMS_FILE, "scores": folder / SCORES_FILE},
        metrics=metrics_of(pack.of_suites(config.suites), scored),
        details=details,
    )
