"""What changes a result changes a fingerprint; what does not, does not."""

import pytest

from cftray.errors import InternalError
from cftray.plan import Known, StageKind, build_plan, canonical, sha256_of
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}


def document(**changes):
    whole = {
        "name": "pair",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS},
    }
    return whole | changes


def plan(document, leaf="d1", pack="p1"):
    return build_plan(experiment_from_document(document), lambda _: leaf, lambda _: toy_pack(pack))


def fingerprints(*arguments, **keywords):
    return {node.name: node.fingerprint for node in plan(*arguments, **keywords).stages}


def changed(before, after):
    return {name for name in before if before[name] != after[name]}


PHASE_2 = {"rows.p2", "tokens.p2", "contamination.p2", "train.p2.s17", "evaluate.p2.s17"}
ROWS = {"rows.p1", "rows.p2", "contamination.p1", "contamination.p2"}
"""What depends on neither a model nor a template."""


def test_every_stage_comes_after_its_inputs():
    stages = plan(document(seeds=[1, 2])).stages
    done = set()
    for node in stages:
        assert set(node.needs) <= done
        done.add(node.name)


def test_execution_and_names_are_not_identity():
    before = fingerprints(document())
    after = fingerprints(
        document(
            name="other",
            project="elsewhere",
            labels=["x"],
            execution={
                "workers": 4,
                "zero_stage": 3,
                "micro_batch_tokens": 64,
                "offload": {"optimizer": True, "parameters": True},
                "activation_checkpointing": True,
                "checkpoint": {"every_steps": 3},
                "endpoint_budget": {"requests": 3, "tokens": 1000, "cost": 0.5},
            },
        )
    )
    assert before == after


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 2e-3),
        ("epochs", 3),
        ("global_batch", 16),
        ("warmup_steps", 11),
        ("weight_decay", 0.1),
        ("max_grad_norm", None),
        ("precision", "bf16"),
        ("batch_unit", "packs"),
        ("schedule", "constant"),
    ],
)
def test_a_phase_2_hyperparameter_changes_phase_2_alone(name, value):
    after = document()
    after["phase2"] = after["phase2"] | {"hyperparameters": HYPERPARAMETERS | {name: value}}
    assert changed(fingerprints(document()), fingerprints(after)) == {"train.p2.s17", "evaluate.p2.s17"}


def test_phase_2_data_change_nothing_of_phase_1():
    after = document()
    after["phase2"] = after["phase2"] | {"data": {"mini": "multialpaca-mini", "samples": 7}}
    assert changed(fingerprints(document()), fingerprints(after)) == PHASE_2


def test_a_phase_1_hyperparameter_changes_all_that_is_derived_from_it():
    after = document()
    after["phase1"] = {
        "train": {"data": {"mini": "alpaca-mini"}, "hyperparameters": HYPERPARAMETERS | {"epochs": 5}},
    }
    moved = changed(fingerprints(document()), fingerprints(after))
    assert moved == {"train.p1.s17", "evaluate.p1.s17", "train.p2.s17", "evaluate.p2.s17"}


def test_the_template_is_identity_of_tokens_and_of_scores():
    moved = changed(fingerprints(document()), fingerprints(document(template="alpaca")))
    assert moved == set(fingerprints(document())) - ROWS


def test_a_seed_is_in_its_own_replica_only():
    both = fingerprints(document(seeds=[17, 18]))
    alone = fingerprints(document(seeds=[17]))
    assert all(both[name] == alone[name] for name in alone)
    assert both["train.p1.s17"] != both["train.p1.s18"]


def test_leaves_count_by_their_digest_and_evaluation_by_its_pack():
    assert changed(fingerprints(document()), fingerprints(document(), leaf="d2")) == set(
        fingerprints(document())
    ) - ROWS
    assert changed(fingerprints(document()), fingerprints(document(), pack="p2")) == {
        "requests",
        "evaluate.p1.s17",
        "evaluate.p2.s17",
        "contamination.p1",
        "contamination.p2",
    }


def test_benchmarks_are_looked_for_before_a_phase_is_trained_and_nothing_depends_on_it():
    stages = plan(document(seeds=[1, 2])).stages
    names = [node.name for node in stages]
    for phase in (1, 2):
        assert names.count(f"contamination.p{phase}") == 1
        assert names.index(f"contamination.p{phase}") < names.index(f"train.p{phase}.s1")
    assert not any(need.startswith("contamination") for node in stages for need in node.needs)


def test_without_a_look_for_benchmarks_every_other_stage_is_the_same():
    with_it = fingerprints(document())
    without = fingerprints(document(evaluation={"contamination": False}))
    assert without.keys() == with_it.keys() - {"contamination.p1", "contamination.p2"}
    assert all(with_it[name] == fingerprint for name, fingerprint in without.items())


def test_an_adopted_phase_1_has_no_data_to_look_through():
    names = {node.name for node in plan(document(phase1={"adopt": "models/instruct"})).stages}
    assert {name for name in names if name.startswith("contamination")} == {"contamination.p2"}


def test_a_leaf_that_is_still_hashed_leaves_its_descendants_without_fingerprints():
    waiting = plan(document(), leaf=None)
    assert not waiting.complete
    assert {node.name for node in waiting.stages if node.fingerprint} == ROWS


def test_an_adopted_phase_1_is_not_trained_and_is_evaluated_once():
    adopted = plan(document(phase1={"adopt": "models/instruct"}, seeds=[1, 2]))
    kinds = [node.kind for node in adopted.stages]
    assert kinds.count(StageKind.TRAIN) == 2
    assert kinds.count(StageKind.EVALUATE) == 3
    assert [outcome.p1_train for outcome in adopted.outcomes] == [None, None]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object(), {1: "a"}, b"x"])
def test_what_can_not_be_hashed_is_an_error(value):
    with pytest.raises(InternalError):
        canonical({"value": value})


def test_canonical_form_does_not_depend_on_order():
    assert sha256_of({"a": 1, "b": [1.5, None]}) == sha256_of({"b": (1.5, None), "a": 1})


def test_numbers_of_other_libraries_are_hashed_as_the_numbers_that_they_are():
    class Measured(float):
        """As numpy's float64, a float by descent."""

    class Counted(int):
        pass

    assert canonical({"a": [Measured(0.1), Counted(3)]}) == canonical({"a": [0.1, 3]})
    with pytest.raises(InternalError):
        canonical(Measured("nan"))


def test_what_can_not_be_hashed_is_named_by_its_place():
    with pytest.raises(InternalError, match=r"^\$\.a\[1\]\.b: a set can't"):
        canonical({"a": [1, {"b": {1}}]})


def test_what_plans_of_one_moment_share_is_one_object_and_built_as_it_would_be_alone():
    known = Known()
    specs = [experiment_from_document(document(seeds=seeds)) for seeds in ([17], [18], [17, 18])]
    plans = [build_plan(one, lambda leaf: leaf.location, toy_pack, known) for one in specs]
    assert plans == [build_plan(one, lambda leaf: leaf.location, toy_pack) for one in specs]
    first, second, both = ({node.name: node for node in plan.stages} for plan in plans)
    assert first["tokens.p1"] is second["tokens.p1"] is both["tokens.p1"]
    assert first["train.p1.s17"] is not second.get("train.p1.s17")
    assert (first["train.p1.s17"].title, both["train.p1.s17"].title) == ("phase 1", "phase 1 (seed 17)")
    objects = {id(node) for plan in plans for node in plan.stages}
    assert len(objects) < sum(len(plan.stages) for plan in plans)


def test_a_stage_that_waits_for_a_digest_is_shared_with_nobody():
    known = Known()
    plans = [build_plan(experiment_from_document(document()), lambda leaf: None, toy_pack, known) for _ in range(2)]
    assert plans[0] == plans[1]
    assert plans[0].stage("train.p1.s17") is not plans[1].stage("train.p1.s17")
