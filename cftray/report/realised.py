"""What a mitigation came to in the end: replay in samples and tokens, what was frozen, what was trained."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from cftray.plan import StageKind
from cftray.report.facts import Stages
from cftray.store import Record, Store

Pairs = list[tuple[str, str]]


def realised(stages: Stages) -> Pairs:
    """(what, value) pairs from the records there are; nothing for a plain phase 2."""
    found: Pairs = []
    for node, record in stages:
        if record is None:
            continue
        match node.kind:
            case StageKind.MIX:
                found += _mix(record)
            case StageKind.GENERATE:
                found += _generated(record)
            case StageKind.OVERLAP:
                found += _overlap(record)
            case StageKind.SELECT_FROZEN:
                found += _frozen(record)
            case StageKind.TRAIN if node.config.kind == "train" and node.config.lora is not None:
                found.append(("LoRA", f"{int(record.metrics['trained_parameters']):,} parameters trained"))
            case _:
                pass
    return found


def pictures(stages: Stages, store: Store) -> list[tuple[str, str]]:
    """(title, data URI of a PNG) of each selection of what is frozen."""
    return [
        (node.title, _data_uri(store, record))
        for node, record in stages
        if node.kind is StageKind.SELECT_FROZEN and record is not None and "picture" in record.outputs
    ]


def _mix(record: Record) -> Iterator[tuple[str, str]]:
    metrics = record.metrics
    added, needed = int(metrics["replay_samples"]), int(metrics["replay_needed"])
    of_needed = "" if added == needed else f" of {needed:,} asked for"
    yield (
        "Replay added",
        f"{added:,} samples{of_needed}: {metrics['replay_share_of_samples']:.1%} of all samples, "
        f"{metrics['replay_share_of_tokens']:.1%} of tokens, "
        f"{metrics['replay_share_of_supervised_tokens']:.1%} of supervised tokens",
    )


def _generated(record: Record) -> Iterator[tuple[str, str]]:
    metrics = record.metrics
    faults = ("empty", "cut", "looping", "repetitive", "too_long")
    aside = ", ".join(f"{int(metrics[name])} {name}" for name in faults if metrics.get(name))
    yield "Answers set aside", f"{aside or 'none'}, of {int(metrics['answered']):,}"


def _overlap(record: Record) -> Iterator[tuple[str, str]]:
    metrics = record.metrics
    yield (
        "Overlap of the replay with phase 1",
        f"{metrics['prompt_overlap']:.1%} of its prompts and {metrics['pair_overlap']:.1%} of prompts with their "
        "responses, word for word",
    )


def _frozen(record: Record) -> Iterator[tuple[str, str]]:
    metrics: dict[str, Any] = dict(record.metrics)
    yield "Frozen", f"{int(metrics['frozen_parameters']):,} parameters, {metrics['frozen_share']:.1%} of all"


def _data_uri(store: Store, record: Record) -> str:
    raw = store.output(record, "picture").read_bytes()
    return f"data:image/png;base64,{base64.b64encode(raw).decode('ascii')}"
