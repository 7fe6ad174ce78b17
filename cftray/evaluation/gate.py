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
from cftray.store.atomic import write_atomic


def run(config: GateConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `scores` and, where a judge was asked, `judged`: items' scores. Output: `decision`, a JSON file.

    The metric `open` is 1 or 0. Raises DataError where a condition names a score that P1 does not have.
    """
    scores = scores_of([ItemScores.read(path) for path in inputs.values()])
    found = [_checked(condition, scores) for condition in config.conditions]
    opened = all(one["holds"] for one in found)
    details = {"open": opened, "conditions": found}
    path = context.folder / "gate.json"
    write_atomic(path, json.dumps(details, indent=1))
    context.note(_told(opened, found))
    return Artifact(outputs={"decision": path}, metrics={"open": float(opened)}, details=details)


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


def _told(opened: bool, found: list[dict[str, str | float | bool | None]]) -> str:
    parts = [f"{one['score']} is {one['value']:.3f}{_bounds(one)}" for one in found]
    return f"gate {'open' if opened else 'closed, phase 2 is left out'}: {'; '.join(parts)}"


def _bounds(one: Mapping[str, str | float | bool | None]) -> str:
    low, high = one["at_least"], one["at_most"]
    wanted = [f"at least {low:g}"] if low is not None else []
    wanted += [f"at most {high:g}"] if high is not None else []
    return f" ({' and '.join(wanted)} wanted)"
