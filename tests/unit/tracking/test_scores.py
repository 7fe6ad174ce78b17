"""Which scores MLflow is shown: a judge's among the evaluation's, nothing that is not whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cftray.data.scores import ItemScores, Part, TaskScores
from cftray.evaluation.aggregate import metrics_of
from cftray.plan import Pack, PackTask, Plan, build_plan
from cftray.spec import experiment_from_document
from cftray.store import Record, Store
from cftray.tracking.scores import experiment_scores, judged_too, scored_outcomes, without_details

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 1, "global_batch": 8, "max_length": 64}
DOCUMENT: dict[str, Any] = {
    "name": "toy",
    "base": "mini:base",
    "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS}},
    "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS},
    "evaluation": {
        "judge": {"endpoint": "judge", "model": "gpt"}, "data": {"alpaca_eval": "ref.json"}, "pack": "paper",
    },
}  # fmt: skip
MMLU, ALPACA = {"task": "mmlu", "benchmark": "mmlu"}, {"task": "alpaca_eval", "benchmark": "alpaca_eval"}


def pack(name: str) -> Pack:
    task = PackTask(
        suite="ta", language="en", metric="win_rate", chat=True, source="alpaca_eval", judged=True, **ALPACA
    )  # type: ignore[arg-type]
    return Pack(name=name, version=1, digest="0", tasks=(task,), include_path=Path())


def items(named: dict[str, str], scores: tuple[float, ...]) -> TaskScores:
    ids = tuple(f"i{place}" for place in range(len(scores)))
    return TaskScores(suite="ta", language="en", metric="acc", items=ids, scores=scores, **named)  # type: ignore[arg-type]


class World:
    """Records of a plan with a judge."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.plan: Plan = build_plan(experiment_from_document(DOCUMENT), lambda leaf: "0" * 64, pack)
        self.records: dict[str, Record] = {}

    def record(self, name: str, scores: ItemScores, metrics: dict[str, float]) -> None:
        fingerprint = str(self.plan.stage(name).fingerprint)
        path = self.store.attempt_folder(fingerprint, 1) / "scores.json.gz"
        path.parent.mkdir(parents=True)
        scores.write(path)
        record = Record(
            fingerprint=fingerprint, kind="evaluate", title=name, config={}, inputs={},
            outputs={"scores": self.store.describe(fingerprint, path)}, metrics=metrics, details={}, execution={},
            provenance={}, experiment="exp_1", attempt=1, started_at="2026-01-02T03:04:05+00:00",
            finished_at="2026-01-02T03:05:05+00:00", seconds=1.0,
        )  # fmt: skip
        self.store.write_record(record)
        if name.startswith("evaluate"):
            self.records[name] = record

    def evaluated(self, name: str, scores: tuple[float, ...]) -> None:
        both = tuple(Part(suite="ta", language="en", **one) for one in (MMLU, ALPACA))  # type: ignore[arg-type]
        found = ItemScores(tasks=(items(MMLU, scores),), expected=both)
        self.record(name, found, metrics_of([found]))

    def figures(self) -> dict[str, float]:
        shown = judged_too(self.plan, self.records, self.store)
        return experiment_scores(scored_outcomes(self.plan, shown, over=True), shown)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.evaluated("evaluate.p1.s17", (1.0, 0.0))
    made.evaluated("evaluate.p2.s17", (0.0, 0.0))
    return made


def test_without_the_judge_neither_its_score_nor_the_mean_is_shown(world: World) -> None:
    assert set(without_details(world.figures())) == {"p1/ta/mmlu", "p2/ta/mmlu", "change/ta/mmlu"}


def test_a_judges_scores_and_the_mean_that_is_whole_with_them_are_shown(world: World) -> None:
    judged = ItemScores(tasks=(items(ALPACA, (1.0, 1.0)),))
    for name in ("judge.p1.s17", "judge.p2.s17"):
        world.record(name, judged, {"win_rate": 1.0})
    figures = world.figures()
    assert figures["p1/ta/alpaca_eval"] == 1.0
    assert (figures["p1/ta"], figures["p2/ta"], figures["change/ta"]) == (0.75, 0.5, -0.25)


def test_a_judge_of_one_model_alone_gives_no_change_of_the_mean(world: World) -> None:
    world.record("judge.p1.s17", ItemScores(tasks=(items(ALPACA, (1.0, 1.0)),)), {"win_rate": 1.0})
    figures = world.figures()
    assert "p1/ta" in figures
    assert not {"p2/ta", "change/ta", "change/ta/alpaca_eval"} & set(figures)


def test_a_mean_over_the_items_that_were_scored_is_no_score() -> None:
    metrics = {"ta/ifeval/of_scored": 0.5, "ta/ifeval/of_scored/stderr": 0.1, "ta/ifeval/of_scored/n": 464.0, "la": 0.2}
    assert without_details(metrics) == {"la": 0.2}


def test_a_single_models_scores_are_those_of_p1(world: World) -> None:
    (outcome,) = world.plan.outcomes
    alone = world.plan.model_copy(
        update={"outcomes": (outcome.model_copy(update={"p2_scores": None, "p2_judged": None}),)}
    )
    scored = scored_outcomes(alone, world.records, over=True)
    assert without_details(experiment_scores(scored, world.records)) == {"p1/ta/mmlu": 0.5}
