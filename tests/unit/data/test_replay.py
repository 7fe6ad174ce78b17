"""Which English rows a replay draws, how many it adds, and what is told of it."""

import json

import numpy as np
import pytest

from cftray.data import mix, overlap, replay
from cftray.data.adapters import read_rows, write_rows
from cftray.data.rows import Row
from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.errors import DataError
from cftray.plan import MixConfig, OverlapConfig, ReplayPromptsConfig
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext


@pytest.fixture
def context(tmp_path):
    folder = tmp_path / "attempt"
    folder.mkdir()
    notes = []
    made = StageContext(
        folder=folder, execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop", note=notes.append
    )
    return made, notes


def tokens(folder, lengths, language="de"):
    writer = TokenizedWriter(folder)
    for number, length in enumerate(lengths):
        writer.add([number] * length, [1] * length, language)
    writer.close(template_text="t", max_length=64)
    return folder


def row(number, **changes):
    fields = {"id": f"r{number}", "instruction": f"question {number}", "output": f"answer {number}"} | changes
    return Row(**fields)


def prompts(context, tmp_path, inputs, **config):
    settings = {"ratio": 0.5, "surplus": 0.5, "alignment": "id", "seed": 1} | config
    data = tokens(tmp_path / "data", [3] * 8)
    artifact = replay.run(ReplayPromptsConfig(**settings), {"data": data, **inputs}, context)
    folder = artifact.outputs["prompts"]
    return [one.id for one in read_rows(folder / "rows.jsonl")], json.loads((folder / "meta.json").read_text())


def aligned(tmp_path):
    """Eight German rows that share four of six English ones."""
    write_rows(tmp_path / "de.jsonl", [row(n, language="de", english_id=f"e{n % 4}") for n in range(8)])
    write_rows(tmp_path / "en.jsonl", [row(n, id=f"e{n}") for n in range(6)])
    return {"rows": tmp_path / "de.jsonl", "english": tmp_path / "en.jsonl"}


def test_aligned_rows_are_drawn_among_the_counterparts_each_once(context, tmp_path):
    ids, meta = prompts(context[0], tmp_path, aligned(tmp_path))
    assert sorted(ids) == ["e0", "e1", "e2", "e3"]
    assert meta == {"needed": 4, "drawn": 4, "candidates": 4, "samples": 8}


def test_the_surplus_is_drawn_behind_what_is_needed(context, tmp_path):
    _, meta = prompts(context[0], tmp_path, aligned(tmp_path), ratio=0.25, surplus=0.5)
    assert (meta["needed"], meta["drawn"]) == (2, 3)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_smaller_replay_begins_like_the_larger_one(context, tmp_path, seed):
    write_rows(tmp_path / "en.jsonl", [row(n) for n in range(50)])
    drawn = {}
    for ratio in (0.25, 0.5):
        made = StageContext(
            folder=tmp_path / f"a{ratio}", execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop"
        )
        made.folder.mkdir()
        inputs = {"english": tmp_path / "en.jsonl"}
        drawn[ratio], _ = prompts(made, tmp_path, inputs, ratio=ratio, surplus=0.0, alignment="none", seed=seed)
    assert drawn[0.5][:2] == drawn[0.25]


def test_another_seed_draws_others(context, tmp_path):
    write_rows(tmp_path / "en.jsonl", [row(n) for n in range(50)])
    seen = set()
    for seed in (1, 2):
        made = StageContext(
            folder=tmp_path / f"s{seed}", execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop"
        )
        made.folder.mkdir()
        ids, _ = prompts(made, tmp_path, {"english": tmp_path / "en.jsonl"}, alignment="none", seed=seed)
        seen.add(tuple(ids))
    assert len(seen) == 2


def test_unaligned_rows_of_one_id_are_told_apart(context, tmp_path):
    write_rows(tmp_path / "en.jsonl", [row(0), row(0, instruction="another"), row(1)])
    ids, _ = prompts(context[0], tmp_path, {"english": tmp_path / "en.jsonl"}, alignment="none")
    assert sorted(ids) == ["0:r0", "1:r0", "2:r1"]


def test_sets_aligned_by_line_must_have_the_same_number_of_records(context, tmp_path):
    inputs = {}
    for name, records in (("rows", 3), ("english", 4)):
        inputs[name] = tmp_path / name
        inputs[name].mkdir()
        write_rows(inputs[name] / "rows.jsonl", [row(n, id=str(n), english_id=str(n)) for n in range(3)])
        (inputs[name] / "meta.json").write_text(json.dumps({"records": records}))
    with pytest.raises(DataError, match="has 3 records and its English counterpart 4, aligned by line"):
        prompts(context[0], tmp_path, inputs, alignment="line")


def test_sets_that_share_no_id_are_refused(context, tmp_path):
    inputs = aligned(tmp_path)
    write_rows(inputs["english"], [row(n, id=f"x{n}") for n in range(6)])
    with pytest.raises(DataError, match="none of 4 rows has its English counterpart among 6"):
        prompts(context[0], tmp_path, inputs)


def mixed(context, tmp_path, own, added, **config):
    inputs = {"data": tokens(tmp_path / "own", own), "replay": tokens(tmp_path / "replay", added, "en")}
    settings = {"ratio": 0.5, "shortfall": "refuse"} | config
    return mix.run(MixConfig(**settings), inputs, context)


def test_the_whole_of_the_data_and_then_what_the_ratio_asks_for(context, tmp_path):
    artifact = mixed(context[0], tmp_path, [2, 3, 4, 5], [7, 8, 9])
    data = TokenizedData.open(artifact.outputs["tokens"])
    assert data.lengths().tolist() == [2, 3, 4, 5, 7, 8]
    assert data.meta["template_text"] == "t"
    assert artifact.metrics["replay_samples"] == artifact.metrics["replay_needed"] == 2
    assert artifact.metrics["replay_share_of_samples"] == pytest.approx(2 / 6)
    assert artifact.metrics["replay_share_of_tokens"] == pytest.approx(15 / 29)
    assert artifact.metrics["replay_share_of_supervised_tokens"] == pytest.approx(13 / 23)
    assert artifact.details["composition"]["de"]["samples"] == 4
    assert artifact.details["replay"] == {"en": {"samples": 2, "tokens": 15, "supervised_tokens": 13}}
    assert np.array_equal(data.supervised(4), [0, 1, 1, 1, 1, 1, 1])


def test_a_replay_that_is_too_small_is_refused_never_repeated(context, tmp_path):
    with pytest.raises(DataError, match=r"1 usable samples of the 2 that 0\.5 of 4 asks for; raise mitigation"):
        mixed(context[0], tmp_path, [2, 3, 4, 5], [7])


def test_fewer_are_accepted_where_the_spec_says_so_and_the_record_tells(context, tmp_path):
    artifact = mixed(context[0], tmp_path, [2, 3, 4, 5], [7], shortfall="accept")
    assert (artifact.metrics["replay_samples"], artifact.metrics["replay_needed"]) == (1, 2)
    assert any("goes on with fewer" in note for note in context[1])


def overlapped(context, tmp_path, limit=None):
    write_rows(tmp_path / "p1.jsonl", [row(0), row(1, output="otherwise"), row(9)])
    folder = tmp_path / "prompts"
    folder.mkdir(exist_ok=True)
    write_rows(folder / "rows.jsonl", [row(0, instruction="Question  0"), row(1), row(2), row(3)])
    inputs = {"prompts": folder, "rows": tmp_path / "p1.jsonl"}
    return overlap.run(OverlapConfig(max_overlap=limit), inputs, context)


def test_the_overlap_with_phase_1_is_measured(context, tmp_path):
    metrics = overlapped(context[0], tmp_path).metrics
    assert (metrics["prompt_overlap"], metrics["pair_overlap"]) == (0.5, 0.25)


def test_the_spec_can_refuse_the_overlap(context, tmp_path):
    with pytest.raises(DataError, match=r"50\.0% of the replay's prompts .* max_overlap allows 40\.0%"):
        overlapped(context[0], tmp_path, limit=0.4)
