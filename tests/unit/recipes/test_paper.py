"""Every row of the paper's tables is a spec that plans; rows share phase 1; what is open is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cftray.data.published import PaperKey, printed_tables
from cftray.errors import SpecRefused
from cftray.plan import Leaf, LeafKind, Pack, PackTask, Plan, StageKind, build_plan
from cftray.plan.checks import spec_faults
from cftray.recipes import cells_of, find_pack, matrix_from_document, spec_from_document
from cftray.recipes.open_choices import OpenChoices, open_choices
from cftray.recipes.paper import paper
from cftray.recipes.paper_keys import paper_key
from cftray.recipes.paper_tables import TABLES, UnknownTable, choices_of, mini_table, paper_table, table_keys
from cftray.spec import ExperimentSpec
from cftray.spec.evaluation import Benchmark

TASK = ("ifeval", "alpaca_eval", "mmlu", "hellaswag")


def pack(name: str) -> Pack:
    """The seven benchmarks, each read from a set of the hub."""
    return Pack(
        name=name,
        version=1,
        digest="pack",
        tasks=tuple(
            PackTask(
                task=benchmark, suite="ta" if benchmark in TASK else "la", benchmark=benchmark,
                language="en" if benchmark in TASK else "de", metric="acc", chat=True, source=benchmark,
            )
            for benchmark in Benchmark
        ),
        include_path=Path(),
        hub={one: Leaf(kind=LeafKind.HUB_SET, location=f"sets/{one}", revision="main") for one in Benchmark},
    )  # fmt: skip


def planned(spec: ExperimentSpec) -> Plan:
    return build_plan(spec, lambda leaf: f"{leaf.kind} {leaf.location} {leaf.revision}", pack)


def specs_of(document: dict[str, object]) -> list[ExperimentSpec]:
    return [cell.spec for cell in cells_of(matrix_from_document(document))]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_of_a_table_is_planned_whole_and_without_a_fault(table: str) -> None:
    specs = specs_of(paper_table(table))
    assert [paper_key(spec) for spec in specs] == list(printed_tables()[table].rows())
    for spec in specs:
        assert spec_faults(spec) == []
        assert planned(spec).complete


def test_a_row_is_planned_with_the_paper_s_own_task_pack() -> None:
    spec = paper("llama-3-8b", "instruct", "multialpaca", strategy="LF_H2")
    plan = build_plan(spec, lambda leaf: f"{leaf.kind} {leaf.location} {leaf.revision}", find_pack)
    scored = plan.stage(plan.outcomes[0].p1_scores)
    assert plan.complete
    assert {str(one) for one in Benchmark} <= scored.inputs.keys()


def test_the_ifeval_score_is_the_one_that_the_task_pack_shows() -> None:
    task = next(one for one in find_pack("paper").tasks if one.benchmark == "ifeval")
    assert task.metric == OpenChoices().ifeval_score
    assert len(task.kept) == 4


def test_the_hyperparameters_are_those_of_table_b1() -> None:
    spec = paper("mistral-7b", "alpaca", "multialpaca")
    assert spec.phase1.train is not None
    told = spec.phase1.train.hyperparameters
    assert told == spec.phase2.hyperparameters
    assert (told.learning_rate, told.epochs, told.global_batch, told.schedule) == (1e-6, 4, 16, "cosine")
    assert (told.warmup_steps, told.weight_decay, told.precision) == (10, 0, "bf16")


def test_instruct_is_adopted_and_its_base_still_named() -> None:
    spec = paper("llama-3-8b", "instruct", "mopenorca", strategy="LF_H2")
    assert spec.phase1.adopt is not None
    assert (spec.base.model, spec.phase1.adopt.model) == (
        "meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B-Instruct",
    )  # fmt: skip
    assert spec.template == "chat"
    assert paper("llama-3-8b", "alpaca", "multialpaca").template == "alpaca"


def test_mopenorca_is_50_000_samples_translated_into_the_eleven_languages() -> None:
    plan = planned(paper("mistral-7b", "openorca", "mopenorca"))
    translated = [node for node in plan.stages if node.kind is StageKind.TRANSLATE]
    assert len(translated) == 11
    english = {source.stage for node in translated for key, source in node.inputs.items() if key == "rows"}
    assert len(english) == 1


def trained(plans: list[Plan], phase: int) -> set[str | None]:
    return {
        node.fingerprint for plan in plans for node in plan.stages
        if node.kind is StageKind.TRAIN and node.config.phase == phase
    }  # fmt: skip


def test_rows_share_what_they_have_in_common() -> None:
    plans = [planned(spec) for spec in specs_of(paper_table("C2"))]
    # Two models, each trained on alpaca and on openorca; Instruct is adopted, and evaluated once for two rows.
    assert (len(trained(plans, 1)), len(trained(plans, 2))) == (4, 8)
    firsts = {plan.stage(outcome.p1_scores).fingerprint for plan in plans for outcome in plan.outcomes}
    assert len(firsts) == 6


def test_mitigations_share_phase_2_s_rows_and_phase_1_s_scores() -> None:
    specs = specs_of(paper_table("D1", "mistral-7b"))
    plans = [planned(spec) for spec in specs]
    assert len(specs) == 13
    assert len({plan.stage(outcome.p1_scores).fingerprint for plan in plans for outcome in plan.outcomes}) == 1
    tokens = {plan.stage("tokens.p2").fingerprint for plan in plans}
    assert len(tokens) == 2
    assert len(trained(plans, 2)) == 13


def test_tables_1_and_c2_are_the_same_experiments() -> None:
    tables = [[planned(spec) for spec in specs_of(paper_table(one, "mistral-7b"))] for one in ("1", "C2")]
    assert trained(tables[0], 2) < trained(tables[1], 2)


def test_what_the_paper_leaves_open_is_told_and_can_be_set() -> None:
    names = {choice.name for choice in open_choices()}
    assert {
        "max_length", "max_grad_norm", "mistral_instruct", "llama_instruct", "openorca_samples", "ifeval_score",
        "seeds", "er_ratio", "batch_unit",
    } <= names  # fmt: skip
    assert all(choice.about and not choice.about.startswith("not in") for choice in open_choices())
    assert all("not in the paper" in (field.description or "") for field in OpenChoices.model_fields.values())
    chosen = choices_of({"max_length": 4096, "er_ratio": 0.05, "seeds": [1, 2], "openorca_samples": None})
    specs = specs_of(paper_table("D1", "mistral-7b", chosen))
    assert {spec.phase2.hyperparameters.max_length for spec in specs} == {4096}
    assert sorted({spec.seeds for spec in specs}) == [(1,), (2,)]
    assert {spec.phase2.mitigation.ratio for spec in specs if spec.phase2.mitigation.kind == "english_replay"} == {0.05}


@pytest.mark.parametrize(
    ("settings", "path", "hint"),
    [
        ({"max_lenght": 4}, "max_lenght", "did you mean max_length?"),
        ({"er_ratio": 2}, "er_ratio", "less than or equal to 1"),
        ({"ifeval_score": "loose"}, "ifeval_score", "prompt_level_strict_acc"),
    ],
)
def test_a_choice_that_is_none_is_refused(settings: dict[str, object], path: str, hint: str) -> None:
    with pytest.raises(SpecRefused) as refused:
        choices_of(settings)
    assert any(fault.path == path and hint in fault.expected for fault in refused.value.faults), refused.value.faults


def test_a_table_that_the_paper_lacks_is_named_with_those_it_has() -> None:
    with pytest.raises(UnknownTable, match="1, C1, C2, C3, C4, C5, D1"):
        table_keys("D2")


@pytest.mark.parametrize("table", TABLES)
def test_the_miniature_has_every_row_of_a_table_once(table: str) -> None:
    specs = specs_of(mini_table(table))
    wanted = {(key.phase1, key.phase2, key.strategy) for key in printed_tables()[table].rows()}
    found = [paper_key(spec) for spec in specs]
    assert {(key.phase1, key.phase2, key.strategy) for key in found if key} == wanted
    assert len(found) == len(wanted)
    assert {key.model for key in found if key} == {None}


def test_rows_of_a_table_are_called_by_what_tells_them_apart() -> None:
    rows = [cell.row for cell in cells_of(matrix_from_document(paper_table("D1", "llama-3-8b")))]
    assert rows == ["none", "LF_H1", "LF_H2", "GR_5", "GR_10", "LoRA", "ER_10"]
    both = [cell.row for cell in cells_of(matrix_from_document(paper_table("1")))]
    assert both[0] == "mistral-7b · alpaca"


def test_a_strategy_and_another_mitigation_together_are_refused() -> None:
    document = {
        "recipe": "paper", "base_model": "mistral-7b", "phase1": "instruct", "phase2": "multialpaca",
        "strategy": "GR_5", "mitigation": {"kind": "lf_h1", "k": 4},
    }  # fmt: skip
    with pytest.raises(SpecRefused, match="strategy is a row of the paper"):
        spec_from_document(document)
    assert spec_from_document(document | {"strategy": "none"}).phase2.mitigation.k == 4


@pytest.mark.parametrize(
    ("adopted", "phase1"),
    [("mistralai/Mistral-7B-Instruct-v0.2", "instruct"), ("/models/Meta-Llama-3-8B-Instruct/", "instruct"),
     ("Open-Orca/Mistral-7B-OpenOrca", None), ("/models/my-alpaca", None)],
)  # fmt: skip
def test_an_adopted_model_is_the_paper_s_instruct_by_its_name(adopted: str, phase1: str | None) -> None:
    document = paper("mistral-7b", "instruct", "multialpaca").model_dump(mode="json")
    found = paper_key(ExperimentSpec.model_validate_json(json.dumps(document | {"phase1": {"adopt": adopted}})))
    assert (None if found is None else found.phase1) == phase1


def test_an_experiment_that_is_none_of_the_paper_s_has_no_key() -> None:
    spec = paper("mistral-7b", "instruct", "multialpaca", strategy="GR_10")
    assert paper_key(spec) == PaperKey(model="mistral-7b", phase1="instruct", phase2="multialpaca", strategy="GR_10")
    other = spec.phase2.mitigation.model_copy(update={"ratio": 0.2})
    assert paper_key(spec.model_copy(update={"phase2": spec.phase2.model_copy(update={"mitigation": other})})) is None
