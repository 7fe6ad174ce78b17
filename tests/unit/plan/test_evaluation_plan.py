"""A single model's plan: requests and scores, the same stages as an experiment's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cftray.plan import Leaf, LeafKind, Pack, PackTask, Plan, build_evaluation_plan, build_plan
from cftray.spec import evaluation_from_document, experiment_from_document
from tests.unit.plan.fakes import toy_pack

TASK = PackTask(
    task="alpaca_eval", suite="ta", benchmark="alpaca_eval", language="en", metric="win_rate", chat=True,
    source="alpaca_eval", judged=True,
)  # fmt: skip
HUB = {"alpaca_eval": Leaf(kind=LeafKind.HUB_SET, location="team/alpaca_eval")}


def judged_pack(name: str) -> Pack:
    return replace(toy_pack(name), tasks=(TASK,), hub=HUB)


def plan(packs: Any = toy_pack, **changes: Any) -> Plan:
    document = {"name": "e", "model": "mini:base"} | changes
    return build_evaluation_plan(evaluation_from_document(document), lambda leaf: leaf.location, packs)


def names(found: Plan) -> list[str]:
    return [node.name for node in found.stages]


def test_a_model_stands_as_p1_of_one_outcome() -> None:
    found = plan()
    assert names(found) == ["requests", "evaluate.model"]
    [outcome] = found.outcomes
    assert (outcome.seed, outcome.p1_scores, outcome.p2_scores, outcome.p1_train) == (0, "evaluate.model", None, None)


def test_a_judge_comes_last_and_a_noise_floor_beside() -> None:
    evaluation = {"judge": {"endpoint": "j", "model": "m"}, "noise_floor": True}
    found = plan(judged_pack, evaluation=evaluation)
    assert names(found) == ["requests", "evaluate.model", "requests.noise", "evaluate.model.noise", "judge.model"]
    [outcome] = found.outcomes
    assert (outcome.p1_judged, outcome.p1_noise) == ("judge.model", "evaluate.model.noise")


def test_scores_are_shared_with_an_experiment_that_adopts_the_model() -> None:
    phase = {
        "data": {"mini": "alpaca-mini"},
        "hyperparameters": {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128},
    }
    document = {"name": "x", "base": "mini:base", "phase1": {"adopt": "mini:base"}, "phase2": phase}
    experiment = build_plan(experiment_from_document(document), lambda leaf: leaf.location, toy_pack)
    assert experiment.stage("evaluate.p1").fingerprint == plan().stage("evaluate.model").fingerprint


def test_precision_is_identity_of_the_scores_and_not_of_the_prompts() -> None:
    one, other = plan(), plan(precision="bf16")
    assert one.stage("requests").fingerprint == other.stage("requests").fingerprint
    assert one.stage("evaluate.model").fingerprint != other.stage("evaluate.model").fingerprint
