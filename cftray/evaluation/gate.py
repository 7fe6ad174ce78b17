"""The stage that decides whether phase 2 is trained: a stated condition on P1's scores.

A closed gate is a finding, not a failure: the experiment succeeds, and what stands behind the gate is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from cftray.data.scores import ItemScores
from cftray.errors import DataError, nearest
from cftray.evaluation.aggregate import scores_of
from cftray.plan.stages import GateConfig
from cftray.spec.evaluation import Condition
from cftray.stage import Artifact, StageContext
from cftray.store import Record
from cftray.store.atomic import write_atomic

OPEN = "open"
"""The metric of a gate's record that tells whether it is: 1 or 0."""


def run(config: GateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `scores` and, where a judge was asked, `judged`: items' scores. Output: `decision`, a JSON file.

    The metric `open` is 1 or 0. Raises DataError where a condition names a score that P1 does not have.
    """
    scores = scores_of([ItemScores.read(path) for path in inputs.values()])
    found = [_checked(condition, scores) for condition in config.conditions]
    opened = all(one["holds"] for one in found)
    details = {OPEN: opened, "conditions": found, "told": _told(found)}
    path = context.folder / "gate.json"
    write_atomic(path, json.dumps(details, indent=1))
    context.note(f"gate {'open' if opened else 'closed, phase 2 is left out'}: {details['told']}")
    return Artifact(outputs={"decision": path}, metrics={OPEN: float(opened)}, details=details)


def closed(record: Record) -> str | None:
    """Of a gate's record: what it found, where it found the conditions not met; None where it is open."""
    return None if record.metrics[OPEN] else str(record.details["told"])


def _checked(condition: Condition, scores: Mapping[str, float]) -> dict[str, str | float | bool | None]:
    if condition.score not in scores:
        raise DataError(
            f"gate: P1 has no score {condition.score}; {nearest(condition.score, sorted(scores))}. A mean is there "
            "only when all its parts are"
        )
    score = scores[condition.score]
    low, high = condition.at_least, condition.at_most
    holds = (low is None or score >= low) and (high is None or score <= high)
    return {"score": condition.score, "value": score, "at_least": low, "at_most": high, "holds": holds}


def _told(found: list[dict[str, str | float | bool | None]]) -> str:
    return "; ".join(f"{one['score']} is {one['value']:.3f}{_bounds(one)}" for one in found)


def _bounds(one: Mapping[str, str | float | bool | None]) -> str:
    low, high = one["at_least"], one["at_most"]
    wanted = [f"at least {low:g}"] if low is not None else []
    wanted += [f"at most {high:g}"] if high is not None else []
    return f" ({' and '.join(wanted)} wanted)"
