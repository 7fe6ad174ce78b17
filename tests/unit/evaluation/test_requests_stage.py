"""What a pack asks of any model, on a toy pack."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from cftray.errors import Cancelled, DataError, InternalError, ModelError
from cftray.evaluation.requests import Manifest, read_requests, task_file
from cftray.plan.packs import Pack

from .conftest import CODE, TEMPLATE, Bench, save_model, write_pack


def digests(folder: Path) -> dict[str, str]:
    return {one.task: one.sha256 for one in Manifest.read(folder).tasks}


def test_every_item_is_asked(asked: Path) -> None:
    manifest = Manifest.read(asked)
    assert {one.task: one.items for one in manifest.tasks} == {
        "toy_follow": 11, "toy_choose": 9, "toy_read_de": 7, "toy_read_fr": 7,
    }  # fmt: skip
    assert manifest.task("toy_choose").requests == 27
    assert {one.item for one in read_requests(task_file(asked, "toy_follow"))} == {f"q{n}" for n in range(11)}


def test_chat_tasks_go_through_the_template_and_others_do_not(asked: Path, p1: Path) -> None:
    chat, raw = (read_requests(task_file(asked, task))[0] for task in ("toy_follow", "toy_choose"))
    assert chat.prompt == "<s>user w0 w1 w2 assistant "
    assert chat.prompt_sha256 == hashlib.sha256(chat.prompt.encode()).hexdigest()
    known = json.loads((p1 / "tokenizer.json").read_text())["model"]["vocab"]
    assert chat.context == [known[word] for word in ("<s>", "user", "w0", "w1", "w2", "assistant")]
    assert (raw.context, raw.continuation) == ([known["w1"], known["w2"], known["w3"]], [known["w1"]])


def test_batches_hold_four_times_their_size_of_short_sequences_the_longest_first(asked: Path) -> None:
    batches = Manifest.read(asked).task("toy_follow").batches
    assert [one.sequences for one in batches] == [4, 4, 3]
    assert [one.length for one in batches] == sorted((one.length for one in batches), reverse=True)


def test_choices_that_differ_in_their_last_token_alone_are_read_together(asked: Path) -> None:
    assert sum(one.sequences for one in Manifest.read(asked).task("toy_choose").batches) == 18


def test_what_a_task_asks_does_not_depend_on_what_else_is_asked(
    bench: Bench, pack: Pack, p1: Path, asked: Path
) -> None:
    alone = bench.requests(pack, p1, suites=["la"], languages=["fr"])
    assert digests(alone.outputs["requests"]) == {"toy_read_fr": digests(asked)["toy_read_fr"]}
    assert alone.metrics["items"] == 7


def test_batch_size_template_and_answers_to_score_by_are_part_of_what_is_asked(
    bench: Bench, pack: Pack, p1: Path, asked: Path, tmp_path: Path
) -> None:
    before = digests(asked)
    assert digests(bench.requests(pack, p1).outputs["requests"]) == before
    larger = digests(bench.requests(pack, p1, batch_size=2).outputs["requests"])
    assert not set(larger.values()) & set(before.values())
    other = digests(bench.requests(pack, p1, template="alpaca").outputs["requests"])
    assert other["toy_follow"] != before["toy_follow"]
    assert other["toy_choose"] == before["toy_choose"]
    (tmp_path / "changed").mkdir()
    changed = write_pack(tmp_path / "changed", CODE.replace('"answer": word(i)', '"answer": word(i + 1)'))
    assert not set(digests(bench.requests(changed, p1).outputs["requests"]).values()) & set(before.values())


def test_a_limit_takes_the_first_items(bench: Bench, pack: Pack, p1: Path) -> None:
    folder = bench.requests(pack, p1, limit=3, suites=["ta"]).outputs["requests"]
    assert [one.items for one in Manifest.read(folder).tasks] == [3, 3]
    assert [one.item for one in read_requests(task_file(folder, "toy_follow"))] == ["q0", "q1", "q2"]


def test_two_beginnings_of_text_are_refused(bench: Bench, pack: Pack, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", seed=1, template="{{ bos_token }}" + TEMPLATE)
    with pytest.raises(ModelError, match="begins with two <s>"):
        bench.requests(pack, model)


def test_a_tokenizer_that_writes_the_beginning_too_gives_one(bench: Bench, pack: Pack, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, adds_bos=True)
    folder = bench.requests(pack, model).outputs["requests"]
    for task in ("toy_follow", "toy_choose"):
        assert all(one.context.count(1) == 1 for one in read_requests(task_file(folder, task)))


def test_a_context_too_short_for_the_answers_is_refused(bench: Bench, pack: Pack, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, context=6)
    with pytest.raises(ModelError, match="whole context is 6"):
        bench.requests(pack, model)


def test_prompts_cut_for_the_context_are_counted(bench: Bench, pack: Pack, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, context=13)
    made = bench.requests(pack, model, suites=["ta"])
    assert made.metrics["cut_prompts"] == 5
    requests = read_requests(task_file(made.outputs["requests"], "toy_follow"))
    assert max(len(one.context) for one in requests) == 7
    assert {one.item for one in requests if one.cut} == {"q2", "q3", "q6", "q7", "q10"}


def test_two_items_of_one_id_are_refused(bench: Bench, p1: Path, tmp_path: Path) -> None:
    (tmp_path / "twice").mkdir()
    twice = write_pack(tmp_path / "twice", CODE.replace('"id": f"q{i}"', '"id": f"q{i // 2}"'))
    with pytest.raises(DataError, match="items 1 and 2 both have the id 'q0'"):
        bench.requests(twice, p1)


def test_another_pack_than_the_planned_one_is_refused(bench: Bench, pack: Pack, p1: Path) -> None:
    with pytest.raises(InternalError, match="not the one that was planned"):
        bench.requests(pack, p1, pack_digest="0")


def test_a_stop_is_heard(bench: Bench, pack: Pack, p1: Path) -> None:
    bench.stop.touch()
    with pytest.raises(Cancelled):
        bench.requests(pack, p1)


def test_nothing_is_left_in_the_folder_but_the_requests(asked: Path) -> None:
    assert [one.name for one in asked.parent.iterdir()] == ["requests"]
