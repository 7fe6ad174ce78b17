"""Why a stage has no record: how it differs from the one like it that has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cftray.plan import CODE_VERSION, LeafInput, Plan, StageNode
from cftray.store import Record

MOST = 3
"""Differences told; more would hide the ones that matter."""


def differences(plan: Plan, node: StageNode, record: Record) -> str | None:
    """What `node` has otherwise than the recorded stage, in words; None where only code changed."""
    config = dict(_config_differences("", node.config.model_dump(mode="json"), record.config))
    told = [f"{path} is {_short(now)}, was {_short(before)}" for path, (now, before) in config.items()]
    told += [
        f"{name} differs from {record.inputs[name][:8]}…"
        for name, digest in _input_digests(plan, node).items()
        if digest is not None and name in record.inputs and record.inputs[name] != digest
    ]
    told += [f"{name} is new to it" for name in node.inputs if name not in record.inputs]
    told += [f"{name} is not part of it any more" for name in record.inputs if name not in node.inputs]
    if not told:
        return None
    more = f" and {len(told) - MOST} more" if len(told) > MOST else ""
    return "; ".join(told[:MOST]) + more


def code_changed(node: StageNode) -> str:
    """For a stage that differs from a recorded one in nothing but its code version."""
    return f"the code of {node.kind} stages changed its results (version {CODE_VERSION[node.kind]})"


def _input_digests(plan: Plan, node: StageNode) -> dict[str, str | None]:
    return {
        name: source.digest if isinstance(source, LeafInput) else plan.stage(source.stage).fingerprint
        for name, source in node.inputs.items()
    }


def _config_differences(path: str, now: Any, before: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    if isinstance(now, dict) and isinstance(before, dict):
        for key in sorted(now.keys() | before.keys()):
            yield from _config_differences(f"{path}.{key}".lstrip("."), now.get(key), before.get(key))
    elif now != before:
        yield path, (now, before)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"
