"""A store with records of a small experiment, as the stages would leave them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores, Part, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Pack, PackTask, Plan, StageKind, StageNode, build_plan
from cftray.spec import ExperimentSpec
from cftray.store import Record, Store
from tests.unit.plan.fakes import toy_pack

TASKS = [("ta", "ifeval", "en"), ("ta", "mmlu", "en"), ("la", "xquad", "de"), ("la", "xquad", "fr")]
RATES = {1: {"ifeval": 0.8, "mmlu": 0.6, "xquad": 0.2}, 2: {"ifeval": 0.4, "mmlu": 0.6, "xquad": 0.7}}
DOCUMENT: dict[str, Any] = {
    "name": "toy",
    "base": "mini:base",
    "phase1": {"train": {"data": {"mini": "instruct-mini"}, "hyperparameters": {
        "learning_rate": 5e-4, "epochs": 4, "global_batch": 32, "max_length": 128}}},
    "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": {
        "learning_rate": 3e-4, "epochs": 4, "global_batch": 32, "max_length": 128}},
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """An experiment and what is recorded of it."""

    spec: ExperimentSpec
    plan: Plan
    store: Store

    def record(self, name: str, **changes: Any) -> None:
        """Record the stage of that name, its outputs written."""
        node = self.plan.stage(name)
        assert node.fingerprint is not None
        folder = self.store.attempt_folder(node.fingerprint, 1)
        folder.mkdir(parents=True)
        made = _made(node, folder)
        outputs = {key: self.store.describe(node.fingerprint, path) for key, path in made.get("outputs", {}).items()}
        self.write(name, made | {"outputs": outputs} | changes)

    def write(self, name: str, made: dict[str, Any]) -> None:
        """Record the stage of that name with what it made."""
        node = self.plan.stage(name)
        record = {
            "fingerprint": node.fingerprint, "kind": str(node.kind), "title": node.title,
            "config": node.config.model_dump(mode="json"), "inputs": {}, "outputs": {}, "metrics": {}, "details": {},
            "execution": {}, "provenance": {"python": "3.11", "packages": {"torch": "2.13"}, "memory": 24 << 30},
            "experiment": "exp_1", "attempt": 1,
            "started_at": "2026-01-02T03:04:05+00:00", "finished_at": "2026-01-02T03:05:05+00:00", "seconds": 60.0,
        }  # fmt: skip
        self.store.write_record(Record.model_validate(record | made))

    def scored(self, name: str, scores: ItemScores, **changes: Any) -> None:
        """Record an evaluation or a judge's stage with these scores."""
        fingerprint = self.plan.stage(name).fingerprint
        assert fingerprint is not None
        path = self.store.attempt_folder(fingerprint, 1) / "given.json.gz"
        path.parent.mkdir(parents=True)
        scores.write(path)
        outputs = {"scores": self.store.describe(fingerprint, path)}
        self.write(name, {"outputs": outputs, "metrics": metrics_of([scores])} | changes)

    def record_all(self) -> None:
        """Every stage."""
        for node in self.plan.stages:
            self.record(node.name)


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., World]:
    """A world of which nothing is recorded yet; changes are laid over the spec."""

    def make(packs: Callable[[str], Pack] = toy_pack, **changes: Any) -> World:
        spec = ExperimentSpec.model_validate(DOCUMENT | changes)
        plan = build_plan(spec, lambda leaf: "0" * 64, packs)
        return World(spec=spec, plan=plan, store=Store(tmp_path / spec.name))

    return make


def item_scores(phase: int, seed: int, n: int = 80) -> ItemScores:
    """Items passed at random at the phase's rate; the same items are easy for both phases."""
    tasks = []
    for suite, benchmark, language in TASKS:
        task = benchmark if suite == "ta" else f"{benchmark}_{language}"
        luck = [random.Random(f"{task}/{item}").random() for item in range(n)]
        shift = random.Random(f"{seed}/{phase}/{task}").uniform(-0.02, 0.02)
        scores = tuple(float(one < RATES[phase][benchmark] + shift) for one in luck)
        tasks.append(
            TaskScores(
                task=task, suite=suite, benchmark=benchmark, language=language, metric="acc",
                items=tuple(f"i{item}" for item in range(n)), scores=scores,
            )
        )  # fmt: skip
    return ItemScores(tasks=tuple(tasks))


def judged_pack(name: str) -> Pack:
    """A pack with one task that a judge scores."""
    task = PackTask(
        task="alpaca_eval", suite="ta", benchmark="alpaca_eval", language="en", metric="win_rate", chat=True,
        source="alpaca_eval", judged=True,
    )  # fmt: skip
    return Pack(name=name, version=1, digest=f"digest of {name}", tasks=(task,), include_path=Path())


JUDGED: dict[str, Any] = {
    "judge": {"endpoint": "judge", "model": "gpt"}, "data": {"alpaca_eval": "ref.json"}, "pack": "paper",
}  # fmt: skip


def task(
    name: str,
    scores: Sequence[float],
    *,
    paper: Sequence[float] | None = None,
    unscored: Mapping[str, str] | None = None,
    metric: str = "acc",
) -> TaskScores:
    """A task by its short name, `ta/mmlu` or `la/xquad/de`; `paper` are the paper's metric's scores."""
    suite, benchmark, *language = name.split("/")
    return TaskScores(
        task="_".join([benchmark, *language]), suite=suite, benchmark=benchmark, language="".join(language) or "en",
        metric=metric, items=tuple(f"i{item}" for item in range(len(scores))), scores=tuple(scores),
        paper_metric=None if paper is None else "theirs", others={} if paper is None else {"theirs": tuple(paper)},
        unscored=unscored or {},
    )  # fmt: skip


def part(name: str) -> Part:
    """A task of the pack by its short name."""
    suite, benchmark, *language = name.split("/")
    return Part(
        task="_".join([benchmark, *language]), suite=suite, benchmark=benchmark, language="".join(language) or "en"
    )


def _made(node: StageNode, folder: Path) -> dict[str, Any]:
    match node.kind:
        case StageKind.EVALUATE:
            phase = 1 if ".p1" in node.name else 2
            scores = item_scores(phase, int(node.name.rpartition("s")[2] or 0) if ".s" in node.name else 0)
            scores.write(folder / "scores.json.gz")
            table = [{"task": task.task, "n": len(task.items), "truncated": 3, "empty": 0} for task in scores.tasks[:2]]
            return {
                "outputs": {"scores": folder / "scores.json.gz"},
                "metrics": metrics_of([scores]),
                "details": {"tasks": table},
            }
        case StageKind.TRAIN:
            chance = random.Random(node.name)
            lines = [{"step": n, "loss": 0.4 + 3 / (1 + n / 20) + chance.gauss(0, 0.08)} for n in range(1, 376)]
            (folder / "curve.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
            return {"outputs": {"curve": folder / "curve.jsonl"}}
        case StageKind.TOKENIZE:
            codes = ["en"] if ".p1" in node.name else ["de", "es", "fr", "id", "ru"]
            part = {"samples": 600, "tokens": 21_000, "supervised_tokens": 5_400}
            return {"details": {"composition": dict.fromkeys(codes, part)}, "seconds": 1.4}
        case StageKind.READ_ROWS:
            return {"metrics": {"records": 12, "rows": 10, "empty": 2}, "details": {"languages": {"de": 10}}}
        case StageKind.CONTAMINATION:
            shared = {"item": "mmlu/7", "row": "alpaca:3", "words": "where <b>does</b> the judge work"}
            overlap = {"items": 80, "short": 70, "contaminated": 2, "share": 0.025, "examples": [shared]}
            return {"details": {"n": 13, "benchmarks": {"mmlu": overlap}}, "seconds": 0.2}
        case _:
            return {"seconds": 0.6}
