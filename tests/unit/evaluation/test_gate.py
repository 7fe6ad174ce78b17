"""The decision on phase 2: what holds, what it says, and what it can't decide."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores, TaskScores
from cftray.errors import DataError
from cftray.evaluation import gate
from cftray.plan import GateConfig
from cftray.stage import Artifact
from cftray.store import Record


class Context:
    """As much of a stage's context as a gate needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self.note = self.notes.append


def decide(tmp_path: Path, *conditions: dict[str, Any]) -> tuple[Artifact, list[str]]:
    task = TaskScores(
        task="m", suite="ta", benchmark="mmlu", language="en", metric="acc", items=("1", "2"), scores=(1.0, 0.0)
    )
    path = tmp_path / "scores.json.gz"
    ItemScores(tasks=(task,)).write(path)
    context = Context(tmp_path)
    return gate.run(GateConfig(conditions=conditions), {"scores": path}, context), context.notes  # type: ignore[arg-type]


def record(artifact: Artifact) -> Record:
    return Record(
        fingerprint="f" * 64, kind="gate", title="gate", config={}, inputs={}, outputs={},
        metrics=dict(artifact.metrics), details=dict(artifact.details), execution={}, provenance={}, experiment="e",
        attempt=1, started_at="", finished_at="", seconds=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "opened"),
    [
        ([{"score": "ta", "at_least": 0.5}], True),
        ([{"score": "ta", "at_most": 0.5}], True),
        ([{"score": "ta", "at_least": 0.51}], False),
        ([{"score": "ta", "at_least": 0.2}, {"score": "ta/mmlu", "at_most": 0.4}], False),
    ],
)
def test_it_is_open_when_every_condition_holds(tmp_path: Path, conditions: list[dict[str, Any]], opened: bool) -> None:
    artifact, notes = decide(tmp_path, *conditions)
    assert artifact.metrics == {"open": float(opened)}
    assert json.loads(artifact.outputs["decision"].read_text())["open"] is opened
    assert (gate.closed(record(artifact)) is None) is opened
    assert notes[0].startswith("gate open" if opened else "gate closed, phase 2 is left out")


def test_it_says_what_it_found_and_what_was_wanted(tmp_path: Path) -> None:
    both = {"score": "ta/mmlu", "at_least": 0.1, "at_most": 1}
    artifact, _ = decide(tmp_path, {"score": "ta", "at_least": 0.6}, both)
    assert gate.closed(record(artifact)) == (
        "ta is 0.500 (at least 0.6 wanted); ta/mmlu is 0.500 (at least 0.1 and at most 1 wanted)"
    )


def test_a_score_that_is_not_there_is_no_closed_gate(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="P1 has no score la"):
        decide(tmp_path, {"score": "la", "at_least": 0.1})
