"""What a spec's `analysis` adds to a plan, and that it changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from cftray.plan import Plan, build_plan
from cftray.recipes.mini import mini
from cftray.spec import ExperimentSpec, ModelRef
from cftray.spec.model import MINI_ENCODER
from tests.unit.plan.fakes import toy_pack

ALL = ["des", "mpd", "representations", "crosslingual"]


def planned(analysis: list[Any], **changes: Any) -> Plan:
    document = mini("dissimilar").model_dump(mode="json") | {"analysis": analysis} | changes
    spec = ExperimentSpec.model_validate(document)
    return build_plan(spec, lambda leaf: f"digest of {leaf.location}", toy_pack)


def names(plan: Plan) -> set[str]:
    return {node.name for node in plan.stages}


def test_analyses_are_optional_stages_and_leave_the_others_as_they_are() -> None:
    plain, whole = planned([]), planned(ALL)
    assert names(whole) - names(plain) == {"des", "mpd.s17", "train.d2.s17", "representations.s17", "crosslingual"}
    assert all(node.optional == (node.name not in names(plain)) for node in whole.stages)
    for node in plain.stages:
        assert whole.stage(node.name).fingerprint == node.fingerprint


def test_the_similarity_of_the_data_is_told_before_anything_is_trained() -> None:
    order = [node.name for node in planned(["des"]).stages]
    assert order.index("des") < order.index("train.p1.s17")


def test_mpd_is_of_p1_and_of_the_base_tuned_on_the_second_phases_data_alone() -> None:
    plan = planned(["mpd"])
    alone, p2 = plan.stage("train.d2.s17"), plan.stage("train.p2.s17")
    assert alone.config == p2.config
    assert alone.inputs["data"] == p2.inputs["data"]
    assert alone.inputs["model"] == plan.stage("train.p1.s17").inputs["model"]
    assert plan.stage("mpd.s17").needs == ("train.p1.s17", "train.d2.s17")


def test_each_seed_has_models_to_compare_and_all_share_the_data() -> None:
    plan = planned(ALL, seeds=[17, 18])
    assert {"mpd.s18", "representations.s18"} <= names(plan)
    assert len([name for name in names(plan) if name.startswith("des")]) == 1


def test_there_is_no_similarity_to_data_that_nobody_has() -> None:
    adopted = planned(ALL, phase1={"adopt": {"model": "some/instruct"}})
    assert "des" not in names(adopted)
    assert "mpd.s17" in names(adopted)


def test_the_miniature_has_an_encoder_of_its_own_and_others_labse() -> None:
    def encoder(plan: Plan) -> str:
        return str(plan.stage("des").inputs["encoder"].leaf.location)  # type: ignore[union-attr]

    assert encoder(planned(["des"])) == MINI_ENCODER
    own = ModelRef(model="/models/own").model_dump()
    assert encoder(planned(["des"], base=own)) == "sentence-transformers/LaBSE"
    assert encoder(planned([{"kind": "des", "encoder": "/models/encoder"}])) == "/models/encoder"


def test_settings_of_an_analysis_are_its_identity() -> None:
    first, second = planned(["des"]), planned([{"kind": "des", "samples": 200}])
    assert first.stage("des").fingerprint != second.stage("des").fingerprint


def test_prompts_of_a_file_are_an_input() -> None:
    asked = {"kind": "representations", "prompts": {"kind": "file", "path": "/data/mt_bench.jsonl"}}
    node = planned([asked]).stage("representations.s17")
    assert node.inputs["prompts"].leaf.location == "/data/mt_bench.jsonl"  # type: ignore[union-attr]


def test_parallel_sentences_are_files_of_a_folder_by_the_names_of_their_languages() -> None:
    asked = {"kind": "crosslingual", "sentences": {"kind": "files", "path": "/data/flores101"}}
    leaf = planned([asked]).stage("crosslingual").inputs["sentences"].leaf  # type: ignore[union-attr]
    assert (leaf.location, leaf.named, "*.devtest" in leaf.patterns) == ("/data/flores101", True, True)


def test_the_same_kind_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="each kind of analysis once"):
        planned(["des", {"kind": "des", "samples": 3}])
