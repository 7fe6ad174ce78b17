"""What stands behind a gate, and that a gate moves nobody's identity."""

from __future__ import annotations

from typing import Any

from cftray.plan import Plan, StageKind, build_plan
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
GATE = [{"score": "ta", "at_least": 0.5}]
PHASE_2 = ("rows.p2", "tokens.p2", "contamination.p2", "train.p2.s17", "evaluate.p2.s17")


def plan(**changes: Any) -> Plan:
    document: dict[str, Any] = {
        "name": "gated",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS},
    }
    return build_plan(experiment_from_document(document | changes), lambda _: "d", toy_pack)


def gated_by(found: Plan) -> dict[str, tuple[str, ...]]:
    return {node.name: node.gated_by for node in found.stages if node.gated_by}


def test_all_of_phase_2_stands_behind_the_gate_and_nothing_else() -> None:
    found = plan(gate=GATE)
    assert gated_by(found) == dict.fromkeys(PHASE_2, ("gate.s17",))
    assert found.outcomes[0].gate == "gate.s17"
    assert found.stage("gate.s17").needs == ("evaluate.p1.s17",)


def test_what_two_seeds_share_is_left_out_only_when_both_gates_are_closed() -> None:
    found = gated_by(plan(gate=GATE, seeds=[1, 2]))
    assert found["tokens.p2"] == ("gate.s1", "gate.s2")
    assert (found["train.p2.s1"], found["train.p2.s2"]) == (("gate.s1",), ("gate.s2",))


def test_rows_that_phase_1_reads_too_are_never_left_out() -> None:
    same = {"data": {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS}
    found = plan(gate=GATE, phase1={"train": same})
    rows = [node for node in found.stages if node.kind is StageKind.MINI_ROWS]
    assert any(not node.gated_by for node in rows)


def test_a_gate_and_its_conditions_are_in_no_other_stage_s_fingerprint() -> None:
    without, one, other = plan(), plan(gate=GATE), plan(gate=[{"score": "la", "at_most": 0.9}])
    for node in without.stages:
        assert one.stage(node.name).fingerprint == other.stage(node.name).fingerprint == node.fingerprint
    assert one.stage("gate.s17").fingerprint != other.stage("gate.s17").fingerprint
