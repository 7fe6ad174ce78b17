"""The stage that tells, before training, how much of the benchmarks stands in a phase's data.

It refuses nothing: what to make of it is for people to say. Nothing depends on it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cftray.data.contamination import Contamination, Item, Overlap
from cftray.data.sources import rows_of
from cftray.evaluation import packs
from cftray.evaluation.prompts import file_items, harness_items
from cftray.plan.data_stages import ContaminationConfig
from cftray.plan.packs import Pack
from cftray.stage import Artifact, Progress, StageContext
from cftray.store.atomic import write_atomic

BATCH = 500


def run(config: ContaminationConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `rows` of a phase, and the benchmarks' files by name. Output: `contamination`, a JSON file of what the
    record's details say.

    Raises DataError where the rows can't be read, InternalError where the pack is not the one planned.
    """
    pack = packs.find_planned(config.pack, config.pack_digest)
    return compare(pack, config, inputs, context)


def compare(pack: Pack, config: ContaminationConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """As `run`, with the pack given."""
    contamination = Contamination(_items(pack, config, inputs, context), config.n)
    rows = rows_of(inputs["rows"])
    left = iter(rows)
    for done in range(0, len(rows), BATCH):
        context.raise_if_stopped()
        context.report(Progress(step=done, total=len(rows), unit="rows"))
        contamination.see(itertools.islice(left, BATCH))
    found = contamination.found()
    details = {"n": config.n, "benchmarks": {name: _facts(overlap) for name, overlap in found.items()}}
    path = context.folder / "contamination.json"
    write_atomic(path, json.dumps(details, ensure_ascii=False, indent=1))
    return Artifact(outputs={"contamination": path}, metrics=_metrics(len(rows), found), details=details)


def _items(
    pack: Pack, config: ContaminationConfig, inputs: Mapping[str, Path], context: StageContext
) -> list[Item]:
    """Every item that the models are scored on, in the pack's order."""
    tasks = pack.asked(config.suites, config.benchmarks, config.languages)
    known = {entry.task: file_items(pack, entry, config.limit) for entry in tasks}
    others = [task for task, items in known.items() if items is None]
    read: list[dict[str, str]] = []
    if others:
        request = {
            "pack": pack.name,
            "tasks": others,
            "limit": config.limit,
            "inputs": {name: str(path.absolute()) for name, path in inputs.items()},
            "folder": str(context.folder.absolute()),
            "stop": str(context.stop.absolute()),
        }
        read = context.workers.call(harness_items, request, accelerator=None, name="contamination")
    return [item for items in known.values() for item in items or []] + [Item(**one) for one in read]


def _facts(overlap: Overlap) -> dict[str, Any]:
    return asdict(overlap) | {"share": overlap.share}


def _metrics(rows: int, found: Mapping[str, Overlap]) -> dict[str, float]:
    metrics: dict[str, float] = {"rows": rows, "items": sum(one.items for one in found.values())}
    metrics["contaminated"] = sum(one.contaminated for one in found.values())
    return metrics | {f"{name}/contaminated_share": one.share for name, one in found.items()}
