"""The plan of a sweep: what trials share, their rungs, and what goes on from what."""

from __future__ import annotations

from typing import Any

from cftray.plan import Plan, StageKind, build_plan, build_sweep_plan
from cftray.plan.sweeping import shared_stages
from cftray.recipes import sweep_from_document, trials_of
from tests.unit.plan.fakes import toy_pack

RATE = "phase2.hyperparameters.learning_rate"
SWEEP: dict[str, Any] = {
    "name": "toy",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "space": {RATE: [1e-4, 2e-4]},
    "early_stopping": {"grace": 0.25, "reduction_factor": 2},
}


def planned(**changes: Any) -> Plan:
    sweep = sweep_from_document(SWEEP | changes)
    trials = [(trial.values, trial.spec) for trial in trials_of(sweep)]
    return build_sweep_plan(trials, sweep.rungs, lambda leaf: leaf.location, toy_pack)


def test_what_every_trial_needs_is_there_once_and_the_rest_is_called_after_its_trial() -> None:
    plan = planned()
    names = [node.name for node in plan.stages]
    assert len(set(names)) == len(names)
    shared = shared_stages(plan)
    assert {"train.p1.s17", "evaluate.p1.s17", "tokens.p2"} <= set(shared)
    own = [name for name in names if name not in shared]
    assert [name for name in own if name.startswith("t01.")] == [
        "t01.train.p2.s17.r1", "t01.evaluate.p2.s17.r1", "t01.train.p2.s17.r2", "t01.evaluate.p2.s17.r2",
        "t01.train.p2.s17", "t01.evaluate.p2.s17",
    ]  # fmt: skip
    assert all(name.startswith(("t01.", "t02.")) for name in own)


def test_a_trial_trained_to_its_end_is_the_experiment_that_it_stands_for() -> None:
    """Same fingerprints: what a sweep has trained, the best trial's experiment finds recorded."""
    sweep = sweep_from_document(SWEEP)
    plan = planned()
    for trial, made in zip(trials_of(sweep), plan.trials, strict=True):
        alone = build_plan(trial.spec, lambda leaf: leaf.location, toy_pack)
        outcome = made.rungs[-1].outcomes[0]
        assert outcome.p2_train is not None
        assert outcome.p2_scores is not None
        assert plan.stage(outcome.p2_train).fingerprint == alone.stage("train.p2.s17").fingerprint
        assert plan.stage(outcome.p2_scores).fingerprint == alone.stage("evaluate.p2.s17").fingerprint


def test_each_part_of_a_phase_goes_on_from_those_before() -> None:
    plan = planned()
    assert plan.stage("t02.train.p2.s17.r1").continues == ()
    assert plan.stage("t02.train.p2.s17.r2").continues == ("t02.train.p2.s17.r1",)
    assert plan.stage("t02.train.p2.s17").continues == ("t02.train.p2.s17.r1", "t02.train.p2.s17.r2")
    assert plan.stage("t02.train.p2.s17").needs == ("train.p1.s17", "tokens.p2"), "no input: not part of its identity"


def test_rungs_are_walked_one_after_another_and_each_needs_only_what_came_before() -> None:
    plan = planned(spec=SWEEP["spec"] | {"seeds": [17, 18], "analysis": ["mpd"]})
    for trial in plan.trials:
        assert [rung.share for rung in trial.rungs] == [0.25, 0.5, 1.0]
        done: set[str] = set()
        for rung in trial.rungs:
            for name in rung.stages:
                assert set(plan.stage(name).needs) <= done, name
                done.add(name)
            assert all(outcome.p2_scores in done for outcome in rung.outcomes)
            assert len(rung.outcomes) == 2, "both replicas"
        analyses = [rung.share for rung in trial.rungs for name in rung.stages if plan.stage(name).optional]
        assert set(analyses) == {1.0}, "only of trials that come through"


def test_what_two_trials_of_three_share_is_named_after_the_first_of_them() -> None:
    space = {"mitigation": [{"kind": "generative_replay", "ratio": 0.1}], RATE: [1e-4, 2e-4]}
    mixed = planned(space=space | {"mitigation": [{"kind": "none"}, *space["mitigation"]]}, early_stopping=None)
    names = {node.name for node in mixed.stages}
    assert "t03.mix.p2.s17" in names
    assert "t04.mix.p2.s17" not in names
    assert "t03.mix.p2.s17" in mixed.trials[3].rungs[-1].stages
    assert "t03.mix.p2.s17" not in mixed.trials[0].rungs[-1].stages


def test_without_early_stopping_a_trial_is_one_rung() -> None:
    plan = planned(early_stopping=None)
    assert [len(trial.rungs) for trial in plan.trials] == [1, 1]
    assert not any(node.kind is StageKind.TRAIN_PART for node in plan.stages)
