"""A made-up world: experiments that were planned, and records that say they were run."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cftray.plan import Plan, StageKind, StageNode, build_plan
from cftray.spec import ExperimentSpec, experiment_from_document
from cftray.store import Record, Store
from cftray.tracking import ExperimentState, ExperimentView, LivePoint, LiveStage, MemoryTracker, TrackingWriter
from tests.unit.plan.fakes import toy_pack

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS = 5


class World:
    """Times are minutes after START."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root / "store")

    def spec(self, name: str, **changes: Any) -> ExperimentSpec:
        hyperparameters = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 8, "max_length": 64}
        document: dict[str, Any] = {
            "name": name,
            "project": "forgetting",
            "base": "mini:base",
            "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": hyperparameters}},
            "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": hyperparameters},
        }
        return experiment_from_document(document | changes)

    def plan(self, spec: ExperimentSpec) -> Plan:
        return build_plan(spec, lambda leaf: f"digest of {leaf.location}", toy_pack)

    def view(
        self,
        experiment: str,
        spec: ExperimentSpec,
        state: ExperimentState = ExperimentState.RUNNING,
        live: dict[str, LiveStage] | None = None,
        **more: Any,
    ) -> ExperimentView:
        over = state not in (ExperimentState.QUEUED, ExperimentState.RUNNING)
        return ExperimentView(
            experiment=experiment,
            spec=spec,
            plan=self.plan(spec),
            state=state,
            created_at=START,
            finished_at=START + timedelta(hours=1) if over else None,
            live=live or {},
            environment={"cftray": "0.1.0"},
            **more,
        )

    def live(self, *steps: int) -> LiveStage:
        points = tuple(
            LivePoint(
                step=step,
                at=START + timedelta(minutes=2, seconds=step),
                figures={"loss": 2.0 / step, "tokens_per_s": 900.0},
            )
            for step in steps
        )
        return LiveStage(started_at=START + timedelta(minutes=2), points=points)

    def record(self, spec: ExperimentSpec, *names: str, by: str = "exp_a", shift: float = 0.0) -> None:
        """Write records of those stages, or of all that are shown."""
        for node in self.plan(spec).stages:
            if node.kind in (StageKind.TRAIN, StageKind.EVALUATE) and (not names or node.name in names):
                train = node.kind is StageKind.TRAIN
                self._write(node, by, self.training() if train else self.scores(node.name, shift), train)

    def training(self) -> dict[str, float]:
        return {"final_loss": 2.0 / STEPS, "tokens": 500.0, "tokens_per_s": 1000.0}

    def scores(self, stage: str, shift: float) -> dict[str, float]:
        second = ".p2" in stage
        ability = {"ta": 0.5 - 0.1 * second + shift, "la": 0.2 + 0.1 * second}
        return {
            **ability,
            "ta/ifeval": ability["ta"],
            "ta/ifeval/stderr": 0.02,
            "ta/ifeval/n": 100.0,
            "la/xquad": ability["la"],
            "la/xquad/de": ability["la"],
            "la/xquad/de/stderr": 0.03,
        }

    def _write(self, node: StageNode, by: str, metrics: dict[str, float], train: bool) -> None:
        fingerprint = str(node.fingerprint)
        folder = self.store.attempt_folder(fingerprint, 1)
        outputs = {}
        if train:
            (folder / "model").mkdir(parents=True)
            (folder / "model" / "model.safetensors").write_bytes(b"weights of " + fingerprint.encode())
            (folder / "curve.jsonl").write_text(self.curve(), encoding="utf-8")
            outputs = {
                name: self.store.describe(fingerprint, folder / path)
                for name, path in (("model", "model"), ("curve", "curve.jsonl"))
            }
        record = Record(
            fingerprint=fingerprint,
            kind=node.kind.value,
            title=node.title,
            config=node.config.model_dump(mode="json"),
            inputs={},
            outputs=outputs,
            metrics=metrics,
            details={},
            execution={"workers": 2},
            provenance={"python": "3.11"},
            experiment=by,
            attempt=1,
            started_at=(START + timedelta(minutes=2)).isoformat(),
            finished_at=(START + timedelta(minutes=9)).isoformat(),
            seconds=420.0,
        )
        assert self.store.write_record(record)

    def curve(self) -> str:
        lines = (
            {
                "step": step,
                "total": STEPS,
                "loss": 2.0 / step,
                "learning_rate": 1e-3 * math.cos(step / STEPS),
                "grad_norm": 1.0,
                "tokens": 100,
                "supervised_tokens": 50,
                "seconds": 0.1,
            }
            for step in range(1, STEPS + 1)
        )
        return "".join(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def writer(tracker: MemoryTracker, world: World) -> TrackingWriter:
    return TrackingWriter(tracker, world.store)
