"""What a mitigation adds to the graph, and what it leaves shared."""

import pytest

from cftray.plan import StageInput, build_plan
from cftray.plan.checks import spec_faults
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
GR = {"kind": "generative_replay", "ratio": 0.1}
ER = {"kind": "english_replay", "ratio": 0.1}
EACH = {
    "gr": GR,
    "er": ER,
    "lf_h1": {"kind": "lf_h1"},
    "lf_h2": {"kind": "lf_h2", "k": 2},
    "lora": {"kind": "lora"},
    "both": {"kind": "combined", "parts": [{"kind": "lf_h2"}, GR]},
}


def spec(mitigation=None, data=None, **changes):
    second = {"data": data or {"mini": "multialpaca-mini"}, "hyperparameters": HYPERPARAMETERS}
    if mitigation is not None:
        second["mitigation"] = mitigation
    document = {
        "name": "cell",
        "base": "mini:base",
        "phase1": {"train": {"data": {"mini": "instruct-mini"}, "hyperparameters": HYPERPARAMETERS}},
        "phase2": second,
    }
    return experiment_from_document(document | changes)


def plan(*arguments, **keywords):
    return build_plan(spec(*arguments, **keywords), lambda leaf: leaf.location, toy_pack)


def prints(found):
    return {node.name: node.fingerprint for node in found.stages}


@pytest.mark.parametrize("name", EACH)
def test_a_mitigation_changes_phase_2_and_nothing_before_it(name):
    plain, cell = prints(plan()), prints(plan(EACH[name]))
    same = {one for one in plain if cell[one] == plain[one]}
    assert same == set(plain) - {"train.p2.s17", "evaluate.p2.s17"}


@pytest.mark.parametrize("name", EACH)
def test_every_stage_comes_after_its_inputs(name):
    done = set()
    for node in plan(EACH[name], seeds=[1, 2]).stages:
        assert set(node.needs) <= done
        done.add(node.name)


def test_generative_replay_answers_with_the_p1_model_and_trains_on_the_mix():
    found = plan(GR)
    answers = found.stage("generate.p2.s17")
    assert answers.inputs["model"] == StageInput(stage="train.p1.s17")
    assert found.stage("replay.p2.s17").inputs["rows"] == StageInput(stage="generate.p2.s17")
    assert found.stage("train.p2.s17").inputs["data"] == StageInput(stage="mix.p2.s17")


def test_english_replay_takes_the_rows_as_they_are():
    found = plan(ER)
    assert "generate.p2.s17" not in prints(found)
    assert found.stage("replay.p2.s17").inputs["rows"] == StageInput(stage="prompts.p2.s17")


def test_replays_of_two_ratios_share_phase_2s_own_tokens():
    five, ten = prints(plan(GR | {"ratio": 0.05})), prints(plan(GR))
    assert five["tokens.p2"] == ten["tokens.p2"]
    assert five["mix.p2.s17"] != ten["mix.p2.s17"]


def test_the_two_replays_draw_the_same_prompts():
    assert prints(plan(GR))["prompts.p2.s17"] == prints(plan(ER))["prompts.p2.s17"]


def test_only_random_freezing_depends_on_the_seed_itself():
    drawn = plan({"kind": "lf_h1"}, seeds=[1, 2])
    changed = plan({"kind": "lf_h2"}, seeds=[1, 2])
    assert [drawn.stage(f"frozen.p2.s{seed}").config.seed for seed in (1, 2)] == [1, 2]
    assert changed.stage("frozen.p2.s1").config == changed.stage("frozen.p2.s2").config


def test_the_limit_on_overlap_is_no_part_of_what_is_trained():
    loose, tight = prints(plan(GR)), prints(plan(GR | {"max_overlap": 0.5}))
    assert {name for name in loose if loose[name] != tight[name]} == {"overlap.p2.s17"}


def test_an_adopted_p1_has_no_data_to_overlap_with():
    assert "overlap.p2.s17" not in prints(plan(GR, phase1={"adopt": "mini:base"}))


def test_composed_strategies_are_all_there():
    train = plan(EACH["both"]).stage("train.p2.s17")
    assert train.inputs["data"] == StageInput(stage="mix.p2.s17")
    assert train.inputs["frozen"] == StageInput(stage="frozen.p2.s17")


def files(**english):
    return {"path": "de.jsonl", "language": "de", **({"english": english} if english else {})}


def test_unaligned_counterparts_need_no_rows_of_phase_2():
    data = files(path="en.jsonl", alignment="none")
    assert set(plan(GR, data=data).stage("prompts.p2.s17").inputs) == {"data", "english"}
    aligned = files(path="en.jsonl", alignment="line")
    assert set(plan(GR, data=aligned).stage("prompts.p2.s17").inputs) == {"data", "english", "rows"}


@pytest.mark.parametrize("mitigation", [GR, ER, EACH["both"]])
@pytest.mark.parametrize(
    ("data", "expected"), [(files(), "english: {path"), ({"mini": "alpaca-mini"}, "multialpaca-mini")]
)
def test_replay_without_counterparts_is_refused(mitigation, data, expected):
    (fault,) = spec_faults(spec(mitigation, data=data))
    assert fault.path == "phase2.data"
    assert expected in fault.expected


def test_freezing_needs_no_counterparts():
    assert not spec_faults(spec({"kind": "lf_h2"}, data=files()))


VLLM = GR | {"decoding": {"engine": "vllm"}}


@pytest.mark.parametrize(
    ("mitigation", "path"),
    [
        (VLLM, "phase2.mitigation.decoding.engine"),
        ({"kind": "combined", "parts": [{"kind": "lf_h2"}, VLLM]}, "phase2.mitigation.parts.1.decoding.engine"),
    ],
)
def test_vllm_without_gpus_is_refused(mitigation, path):
    (fault,) = spec_faults(spec(mitigation))
    assert fault.path == path
    assert "execution.accelerator: GPU" in fault.expected
    assert not spec_faults(spec(mitigation, execution={"accelerator": "GPU"}))


def test_the_engine_is_identity():
    one, other = prints(plan(GR)), prints(plan(VLLM))
    differing = {name.split(".")[0] for name in one if one[name] != other[name]}
    assert differing == {"generate", "replay", "mix", "train", "evaluate"}
