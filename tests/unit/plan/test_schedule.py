"""The longest remaining chain first: graphs small enough to be ordered by hand."""

from __future__ import annotations

import pytest

from cftray.plan import Plan, StageKind, build_plan
from cftray.plan.schedule import Step, Waiting, seconds_of, steps_of, submission_order, works_of
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

SECONDS = {"p1": 10.0, "p1b": 10.0, "gr": 5.0, "p2": 20.0, "p2gr": 20.0, "p2b": 50.0, "eval": 1.0, "tiny": 0.5}


def step(name: str, *needs: str, kind: StageKind = StageKind.TRAIN, work: str | None = None) -> Step:
    return Step(fingerprint=name, needs=needs, kind=kind, work=work or name)


def waiting(key: str, *steps: Step, group: str = "m") -> Waiting:
    return Waiting(key=key, group=group, steps=steps)


def order(*those: Waiting, recorded: set[str] = frozenset(), making: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    return submission_order(those, recorded=recorded, making=making, seconds=SECONDS)


PLAIN = waiting("plain", step("p1"), step("p2", "p1"))
REPLAY = waiting("replay", step("p1"), step("gr", "p1"), step("p2gr", "p1", "gr"))
OTHER = waiting("other", step("p1b"), step("p2b", "p1b"))


def test_the_longest_chain_is_begun_first() -> None:
    assert order(PLAIN, OTHER) == ["other", "plain"]


def test_of_those_that_would_make_the_same_stage_the_one_with_the_longest_chain_makes_it() -> None:
    assert order(PLAIN, REPLAY) == ["replay", "plain"]


def test_what_is_recorded_is_no_part_of_a_chain() -> None:
    assert order(PLAIN, OTHER, recorded={"p1b", "p2b"}) == ["plain", "other"]
    assert order(OTHER, REPLAY, recorded={"p1b"}) == ["other", "replay"]


def test_who_would_only_wait_for_others_is_last() -> None:
    short = waiting("short", step("tiny"))
    assert order(PLAIN, short, making={"p1", "p2"}) == ["short", "plain"]


def test_a_shared_beginning_counts_for_all_that_is_behind_it() -> None:
    """`long` begins with what `far` needs as well, whose chain ends later than that of `other`."""
    near = waiting("near", step("p1"))
    far = waiting("far", step("p1"), step("p2b", "p1"))
    middle = waiting("middle", step("p1b"), step("p2", "p1b"))
    assert order(middle, near, far) == ["far", "middle", "near"]


def test_matrices_keep_their_turn_among_each_other() -> None:
    first = waiting("a", step("tiny"), group="first")
    second = waiting("b", step("p1"), step("p2b", "p1"), group="second")
    assert order(first, second) == ["a", "b"]


def test_seconds_are_those_of_equal_work_and_typical_ones_scaled_to_them() -> None:
    trained = step("t17", work="phase 1")
    same = step("t18", work="phase 1")
    scored = step("e", kind=StageKind.EVALUATE)
    found = seconds_of([trained, same, scored], {"phase 1": 100.0})
    assert found == {"t17": 100.0, "t18": 100.0, "e": pytest.approx(30.0)}
    assert seconds_of([scored], {})["e"] == 300.0


def built(seeds: list[int], **of_phase_2: int) -> Plan:
    usual = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
    document = {
        "name": "pair",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": usual}},
        "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": usual | of_phase_2},
        "seeds": seeds,
    }
    return build_plan(experiment_from_document(document), lambda _: "d", lambda _: toy_pack("p"))


def test_replicas_are_of_one_size_and_another_length_of_training_is_not() -> None:
    works = works_of(built([17, 18]))
    assert works["train.p1.s17"] == works["train.p1.s18"] != works["train.p2.s17"]
    longer = works_of(built([17], epochs=3))
    assert longer["train.p2.s17"] != works["train.p2.s17"]
    assert longer["evaluate.p2.s17"] == works["evaluate.p2.s17"]


def test_steps_are_a_plans_stages_with_what_they_need() -> None:
    plan = built([17])
    steps = {one.fingerprint: one for one in steps_of(plan)}
    train = plan.stage("train.p2.s17")
    assert set(steps) == {node.fingerprint for node in plan.stages}
    assert set(steps[str(train.fingerprint)].needs) == {plan.stage(name).fingerprint for name in train.needs}
