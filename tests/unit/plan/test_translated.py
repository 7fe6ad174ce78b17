"""What translated data add to the graph, and what is refused of them."""

import pytest

from cftray.errors import SpecRefused
from cftray.plan import StageInput, build_plan
from cftray.plan.checks import spec_faults
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
GR = {"kind": "generative_replay", "ratio": 0.1}
ER = {"kind": "english_replay", "ratio": 0.1}
NLLB = {"kind": "seq2seq", "model": "models/nllb", "family": "nllb"}


def spec(data, mitigation=None):
    second = {"data": data, "hyperparameters": HYPERPARAMETERS} | ({"mitigation": mitigation} if mitigation else {})
    return experiment_from_document(
        {"name": "cell", "base": "mini:base", "phase1": {"adopt": "mini:base"}, "phase2": second}
    )


def plan(data, mitigation=None):
    return build_plan(spec(data, mitigation), lambda leaf: f"digest of {leaf.location}", toy_pack)


def mini(**changes):
    return {"translate": {"mini": "alpaca-mini"}, "into": ["de", "fr"], "translator": {"kind": "dictionary"}} | changes


def prints(found):
    return {node.name: node.fingerprint for node in found.stages}


def test_each_language_is_a_stage_and_training_reads_them_together():
    found = plan(mini())
    assert found.stage("translate.p2.de").inputs == {"rows": StageInput(stage="english.p2")}
    assert set(found.stage("gather.p2").inputs) == {"de", "fr"}
    assert found.stage("tokens.p2").inputs["rows"] == StageInput(stage="gather.p2")


def test_another_language_translates_nothing_again():
    two, three = prints(plan(mini())), prints(plan(mini(into=["de", "fr", "es"])))
    assert two["translate.p2.de"] == three["translate.p2.de"]
    assert two["gather.p2"] != three["gather.p2"]


def test_the_gate_is_part_of_a_translation_and_sampling_is_not():
    plain, strict = prints(plan(mini())), prints(plan(mini(gate={"max_ratio": 2.0})))
    assert plain["translate.p2.de"] != strict["translate.p2.de"]
    drawn = prints(plan(mini(samples=100)))
    assert plain["translate.p2.de"] == drawn["translate.p2.de"]
    assert plain["tokens.p2"] != drawn["tokens.p2"]


def test_models_count_by_content_and_not_by_where_they_lie():
    def digest(leaf):
        return "the same weights" if "nllb" in leaf.location else leaf.location

    here, there = (
        build_plan(spec(mini(translator=NLLB | {"model": place})), digest, toy_pack)
        for place in ("a/nllb", "b/nllb")
    )
    assert here.stage("translate.p2.de").fingerprint == there.stage("translate.p2.de").fingerprint
    assert "model" in here.stage("translate.p2.de").inputs


def test_replay_draws_from_the_set_that_was_translated_aligned_by_id():
    prompts = plan(mini(), ER).stage("prompts.p2.s17")
    assert prompts.inputs["english"] == StageInput(stage="english.p2")
    assert prompts.inputs["rows"] == StageInput(stage="gather.p2")
    assert prompts.config.alignment == "id"


def files(**changes):
    return {"path": "de.jsonl", "language": "de", "english": {"translator": NLLB} | changes}


def test_a_set_without_a_counterpart_replays_its_own_instructions_in_english():
    found = plan(files(), GR)
    english = found.stage("english.p2")
    assert (english.config.into, english.config.prompts_only) == ("en", True)
    assert english.inputs["rows"] == found.stage("tokens.p2").inputs["rows"]
    assert set(found.stage("prompts.p2.s17").inputs) == {"data", "english"}


def test_fewer_instructions_can_be_translated_than_there_are_rows():
    found = plan(files(samples=50), GR)
    drawn = found.stage("english.p2").inputs["rows"].stage
    assert found.stage(drawn).config.source.samples == 50
    assert found.stage("tokens.p2").inputs["rows"] != StageInput(stage=drawn)


def test_without_replay_nothing_is_translated_into_english():
    assert "english.p2" not in prints(plan(files()))


@pytest.mark.parametrize(
    ("data", "mitigation", "path", "expected"),
    [
        (files(), ER, "phase2.data.english", "original English responses"),
        (mini(into=["de", "en"]), None, "phase2.data.into[1]", "other than the set's"),
        (mini(into=["ja"]), None, "phase2.data.into[0]", "a language of dictionary"),
        (mini(into=["br"], translator=NLLB), None, "phase2.data.into[0]", "a language of nllb"),
        (mini(translate={"mini": "multialpaca-mini"}), None, "phase2.data.translate.mini", "an English set"),
        (mini(translate={"path": "x.json", "language": "fr"}), None, "phase2.data.translate.language", "en"),
        ({"path": "x.json", "english": {"translator": NLLB}}, GR, "phase2.data.english", "not English already"),
    ],
)
def test_what_can_t_be_translated_is_refused_before_anything_runs(data, mitigation, path, expected):
    (fault,) = spec_faults(spec(data, mitigation))
    assert fault.path == path
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("changes", "path", "expected"),
    [
        ({"into": ["dee"]}, "phase2.data.into[0]", "did you mean de?"),
        ({"into": ["de", "deu"]}, "phase2.data.into", "each language once"),
        ({"gate": {"max_ration": 2}}, "phase2.data.gate.max_ration", "did you mean max_ratio?"),
        ({"translator": NLLB | {"family": "nlb"}}, "phase2.data.translator.family", "did you mean nllb?"),
    ],
)
def test_a_wrong_field_is_told_with_its_path(changes, path, expected):
    with pytest.raises(SpecRefused) as refused:
        spec(mini(**changes))
    assert expected in {fault.path: fault.expected for fault in refused.value.faults}[path]
