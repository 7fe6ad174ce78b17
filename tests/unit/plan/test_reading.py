"""Files and hub sets are read by stages of their own; data sets that are read alike share one."""

import pytest

from cftray.plan import LeafKind, StageInput, StageKind, build_plan
from cftray.spec import experiment_from_document
from tests.unit.plan.fakes import toy_pack

HYPERPARAMETERS = {"learning_rate": 1e-3, "epochs": 2, "global_batch": 32, "max_length": 128}
GR = {"kind": "generative_replay", "ratio": 0.1}
ALPACA = {"path": "alpaca.json"}
MULTI = {"path": "multi/*.jsonl", "adapter": "multialpaca", "languages": {"by": "file"}}


def plan(first=ALPACA, second=MULTI, mitigation=None, digests=lambda leaf: leaf.location):
    more = {"mitigation": mitigation} if mitigation else {}
    document = {
        "name": "own",
        "base": "mini:base",
        "phase1": {"train": {"data": first, "hyperparameters": HYPERPARAMETERS}},
        "phase2": {"data": second, "hyperparameters": HYPERPARAMETERS} | more,
    }
    return build_plan(experiment_from_document(document), digests, toy_pack)


def prints(found):
    return {node.name: node.fingerprint for node in found.stages}


def readings(found):
    return [node.name for node in found.stages if node.kind is StageKind.READ_ROWS]


def test_each_phases_rows_are_read_by_a_stage_that_tokens_are_made_from():
    found = plan()
    assert readings(found) == ["rows.p1", "rows.p2"]
    assert found.stage("tokens.p2").inputs["rows"] == StageInput(stage="rows.p2")
    assert found.stage("rows.p2").inputs["files"].leaf.location == "multi/*.jsonl"


def test_unaligned_counterparts_that_are_phase_1s_data_are_read_once():
    english = {"path": "alpaca.json", "alignment": "none"}
    found = plan(second=MULTI | {"english": english}, mitigation=GR)
    assert readings(found) == ["rows.p1", "rows.p2"]
    assert found.stage("prompts.p2.s17").inputs["english"] == StageInput(stage="rows.p1")
    sampled = plan(ALPACA | {"samples": 9}, MULTI | {"english": english}, GR)
    assert readings(sampled) == ["rows.p1", "rows.p2", "english.p2"]


@pytest.mark.parametrize("alignment", ["id", "line"])
def test_a_counterpart_changes_nothing_of_what_phase_2_is_trained_on(alignment):
    english = {"path": "en.jsonl", "alignment": alignment}
    without, given = prints(plan()), prints(plan(second=MULTI | {"english": english}))
    assert given == without
    replayed = plan(second=MULTI | {"english": english}, mitigation=GR)
    assert prints(replayed)["tokens.p2"] == without["tokens.p2"]
    inputs = replayed.stage("prompts.p2.s17").inputs
    assert (inputs["rows"], inputs["english"]) == (StageInput(stage="aligned.p2"), StageInput(stage="english.p2"))
    aligned, own = (replayed.stage(name).config.source for name in ("aligned.p2", "english.p2"))
    assert (aligned.align, aligned.english, own.align, own.english) == (alignment, False, alignment, True)
    assert (aligned.key, own.key) == (("id", "id") if alignment == "id" else (None, None))


@pytest.mark.parametrize(
    "change",
    [
        {"rules": {"duplicates": "drop"}},
        {"samples": 3},
        {"proportions": {"es": 1}},
        {"sample_seed": 1},
        {"languages": None, "language": "es"},
        {"adapter": "columns", "columns": {"instruction": "a", "output": "b"}},
    ],
)
def test_how_records_become_rows_is_identity(change):
    before, after = prints(plan()), prints(plan(second=MULTI | change))
    assert {name for name in before if before[name] != after[name]} == {
        "rows.p2", "tokens.p2", "contamination.p2", "train.p2.s17", "evaluate.p2.s17"
    }  # fmt: skip


def test_where_files_lie_is_not():
    same = [prints(plan(second=MULTI | {"path": path}, digests=lambda _: "d")) for path in ("a.jsonl", "s3://b/c.jsonl")]
    assert same[0] == same[1]


def test_names_of_files_count_where_they_tell_the_language():
    found = plan()
    assert [found.stage(name).inputs["files"].leaf.named for name in ("rows.p1", "rows.p2")] == [False, True]


def test_a_hub_set_is_a_leaf_that_its_commit_stands_for():
    hub = {"name": "team/set", "revision": "refs/convert/parquet", "config": "de", "split": "train"}
    found = plan(second={"hub": hub, "adapter": "openorca", "language": "de"})
    leaf, source = found.stage("rows.p2").inputs["files"].leaf, found.stage("rows.p2").config.source
    assert (leaf.kind, leaf.location, leaf.revision) == (LeafKind.HUB_SET, "team/set", "refs/convert/parquet")
    assert (source.config, source.split) == ("de", "train")
