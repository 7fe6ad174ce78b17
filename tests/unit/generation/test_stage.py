"""The stage in this process: the miniature's base answers; batches are kept, faults set aside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from cftray.data.adapters import read_rows, write_rows
from cftray.data.templates import load_template
from cftray.data.tokenize import load_tokenizer
from cftray.errors import Cancelled, DataError, ExecutionError, InfraError, InternalError, ModelError
from cftray.generation import stage
from cftray.generation.batches import write_answers
from cftray.mini import datasets
from cftray.plan import GenerateConfig
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext
from cftray.training.local_workers import LocalWorkers

BASE = Path(datasets.__file__).parent / "base"


class Here:
    """`Workers.map` without processes; notes what it was asked. `never_ending`: no token ends an answer."""

    def __init__(self, *, never_ending=False):
        self.items = []
        self.never_ending = never_ending

    def available(self, accelerator):
        return 1

    def map(self, make, request, items, **_):
        handle = make(request)
        if self.never_ending:
            never = handle.model.get_input_embeddings().weight.shape[0] - 1
            handle.ends = handle.model.generation_config.eos_token_id = [never]
        for item in items:
            self.items.append(item["number"])
            handle(item)


class Played(Here):
    """Answers that a test wrote, by id; (text, ended)."""

    def __init__(self, answers):
        super().__init__()
        self.answers = answers

    def map(self, make, request, items, **_):
        for item in items:
            told = [self.answers[one] for one in item["ids"]]
            answers = [
                {"id": one, "text": text, "tokens": 3, "ended": ended}
                for one, (text, ended) in zip(item["ids"], told, strict=True)
            ]
            write_answers(Path(request["folder"]), item["number"], answers)


class Streaming(Here):
    """`Workers.infer` of an engine that answers each prompt with two of its own tokens and an end, two at a time.

    `deadly`: after so many rows it dies.
    """

    def __init__(self, *, deadly=None):
        super().__init__()
        self.deadly = deadly
        self.asked = {}

    def infer(self, request, prompts, keep, *, actors, accelerator, name):
        for start in range(0, len(prompts), 2):
            pair = prompts[start : start + 2]
            if self.deadly is not None and len(self.asked) >= self.deadly:
                raise InfraError("a worker process died: killed")
            self.asked |= {one["id"]: one for one in pair}
            keep([(one["id"], [*one["tokens"][-2:], request["ends"][0], 5]) for one in pair])
        return "vllm 0.29.0"


@pytest.fixture
def prompts(tmp_path):
    def make(count, needed):
        folder = tmp_path / "prompts"
        folder.mkdir(exist_ok=True)
        rows = datasets.english_counterparts("multialpaca-mini", samples=count, seed=3)
        write_rows(folder / "rows.jsonl", rows)
        (folder / "meta.json").write_text(json.dumps({"needed": needed}))
        return folder, rows

    return make


def answered(tmp_path, folder, workers, *, name="attempt", earlier=(), model=BASE, max_new_tokens=16, **decoding):
    settings = {"batch_size": 4} | decoding
    config = GenerateConfig(
        template="chat", decoding=settings, max_new_tokens=max_new_tokens, precision="fp32", seed=5
    )
    attempt = tmp_path / name
    attempt.mkdir()
    reports, notes = [], []
    context = StageContext(
        folder=attempt, execution=ExecutionSpec(), workers=workers, stop=tmp_path / "stop", earlier=tuple(earlier),
        report=reports.append, note=notes.append,
    )  # fmt: skip
    return stage.run(config, {"prompts": folder, "model": model, "tokenizer": BASE}, context), reports, notes


def test_unusable_answers_are_counted_and_replaced_from_the_surplus(tmp_path, prompts):
    folder, rows = prompts(7, 4)
    told = [("one", True), ("", True), ("two", True), ("three", False), ("so it is " * 5, True), ("four", True),
            ("five", True)]  # fmt: skip
    played = Played(dict(zip([row.id for row in rows], told, strict=True)))
    artifact, reports, _ = answered(tmp_path, folder, played)
    used = read_rows(artifact.outputs["rows"])
    assert [(row.id, row.output) for row in used] == [
        (rows[place].id, told[place][0]) for place in (0, 2, 5, 6)
    ]
    assert all(row.instruction == rows[0].instruction for row in used[:1])
    counts = {name: artifact.metrics[name] for name in ("answered", "usable", "used", "empty", "cut", "looping")}
    assert counts == {"answered": 7, "usable": 4, "used": 4, "empty": 1, "cut": 1, "looping": 1}
    aside = [json.loads(line)["reason"] for line in artifact.outputs["set_aside"].read_text().splitlines()]
    assert aside == ["empty", "cut", "looping"]
    assert reports[-1].step == reports[-1].total == 7


def test_no_more_than_needed_are_used(tmp_path, prompts):
    folder, rows = prompts(6, 2)
    artifact, *_ = answered(tmp_path, folder, Played({row.id: ("fine", True) for row in rows}))
    assert [row.id for row in read_rows(artifact.outputs["rows"])] == [rows[0].id, rows[1].id]


def test_the_model_answers_and_ends(tmp_path, prompts):
    folder, _ = prompts(8, 8)
    artifact, *_ = answered(tmp_path, folder, Here(), max_new_tokens=24)
    assert artifact.metrics["tokens"] > 0
    assert artifact.metrics["answered"] == 8
    assert artifact.metrics["usable"] == 8 - sum(artifact.metrics[name] for name in stage.FAULTS)
    assert artifact.details["engine"].startswith("transformers ")


def test_finished_batches_of_an_earlier_attempt_are_not_answered_again(tmp_path, prompts):
    folder, _ = prompts(10, 10)
    whole, *_ = answered(tmp_path, folder, Here(), name="whole")
    cut = tmp_path / "cut"
    (cut / "batches").mkdir(parents=True)
    for number in (0, 2):
        source = tmp_path / "whole" / "batches" / f"{number:06d}.json"
        (cut / "batches" / source.name).write_bytes(source.read_bytes())
    (cut / "batches" / "000001.json").write_text(json.dumps([{"id": "another", "text": "", "tokens": 1}]))
    again = Here()
    resumed, _, notes = answered(tmp_path, folder, again, name="again", earlier=[cut])
    assert again.items == [1]
    assert resumed.outputs["rows"].read_bytes() == whole.outputs["rows"].read_bytes()
    assert notes == ["2 of 3 batches were answered before"]


def test_sampling_follows_from_seed_and_row_not_from_neighbours(tmp_path, prompts):
    folder, _ = prompts(4, 4)
    texts = {}
    for size in (1, 4):
        hot, *_ = answered(tmp_path, folder, Here(), name=f"b{size}", batch_size=size, temperature=1.0)
        texts[size] = [
            one["text"]
            for path in sorted((tmp_path / f"b{size}" / "batches").glob("*.json"))
            for one in sorted(json.loads(path.read_text()), key=lambda one: one["id"])
        ]
        assert hot.metrics["answered"] == 4
    assert sorted(texts[1]) == sorted(texts[4])
    greedy, *_ = answered(tmp_path, folder, Here(), name="greedy")
    assert greedy.details["decoding"]["temperature"] == 0


def lengths_of(folder):
    """Tokens of each prompt as the stage asks it, by id."""
    template, tokenizer = load_template("chat", BASE), load_tokenizer(BASE)
    texts = {row.id: template.render(row).prompt for row in read_rows(folder / "rows.jsonl")}
    return {one: len(tokenizer.encode(text, add_special_tokens=False).ids) for one, text in texts.items()}


def answers_of(attempt):
    return {one["id"]: one for path in (attempt / "batches").glob("*.json") for one in json.loads(path.read_text())}


def narrow(tmp_path, context_length):
    """The miniature's base with another context."""
    folder = tmp_path / f"context{context_length}"
    shutil.copytree(BASE, folder)
    config = json.loads((folder / "config.json").read_text()) | {"max_position_embeddings": context_length}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def with_learned_positions(tmp_path, context_length):
    """A GPT-2 with random weights: it has an embedding for each position of its context, and none beyond."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path / "gpt2"
    config = GPT2Config(n_positions=context_length, vocab_size=4096, n_embd=8, n_layer=1, n_head=1)
    GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_an_answer_may_be_as_long_as_the_context_less_its_prompt(tmp_path, prompts):
    folder, _ = prompts(4, 4)
    lengths = lengths_of(folder)
    assert len(set(lengths.values())) > 1
    context = max(lengths.values()) + 3
    workers = Here(never_ending=True)
    model = with_learned_positions(tmp_path, context)
    artifact, *_ = answered(tmp_path, folder, workers, model=model, max_new_tokens=context)
    found = answers_of(tmp_path / "attempt")
    assert {one: answer["tokens"] for one, answer in found.items()} == {
        one: context - length for one, length in lengths.items()
    }
    assert not any(answer["ended"] for answer in found.values())
    assert artifact.metrics["too_long"] == 0


def test_prompts_that_leave_no_room_are_set_aside(tmp_path, prompts):
    folder, rows = prompts(6, 2)
    lengths = lengths_of(folder)
    context = sorted(lengths.values())[2] + stage.LEAST_ROOM
    artifact, *_ = answered(tmp_path, folder, Here(), model=narrow(tmp_path, context))
    wanted = {one for one, length in lengths.items() if length > context - stage.LEAST_ROOM}
    aside = [json.loads(line) for line in artifact.outputs["set_aside"].read_text().splitlines()]
    assert {one["id"] for one in aside if one["reason"] == "too_long"} == wanted
    assert 0 < len(wanted) == artifact.metrics["too_long"] < len(rows)


def test_prompts_of_which_none_leaves_room_are_refused(tmp_path, prompts):
    folder, _ = prompts(2, 2)
    with pytest.raises(ModelError, match="none of 2 prompts leaves room for 2 tokens in the model's context of 4"):
        answered(tmp_path, folder, Here(), model=narrow(tmp_path, 4))


def test_a_stop_is_heard_between_batches(tmp_path, prompts):
    folder, _ = prompts(4, 4)

    class Stopping(Here):
        def map(self, make, request, items, **_):
            handle = make(request)
            (tmp_path / "stop").touch()
            handle(items[0])

    with pytest.raises(Cancelled):
        answered(tmp_path, folder, Stopping())


def test_prompts_that_share_an_id_are_refused(tmp_path, prompts):
    folder, rows = prompts(3, 3)
    write_rows(folder / "rows.jsonl", [rows[0], rows[1], rows[0]])
    with pytest.raises(DataError, match="3 prompts have 2 ids"):
        answered(tmp_path, folder, Here())


def test_a_model_that_lacks_a_weight_is_refused(tmp_path, prompts):
    from safetensors.torch import load_file, save_file

    folder, _ = prompts(2, 2)
    lame = tmp_path / "lame"
    shutil.copytree(BASE, lame)
    weights = load_file(lame / "model.safetensors")
    gone = next(name for name in weights if "q_proj" in name)
    del weights[gone]
    save_file(weights, lame / "model.safetensors", metadata={"format": "pt"})
    config = GenerateConfig(template="chat", decoding={}, max_new_tokens=8, precision="fp32", seed=5)
    (tmp_path / "attempt").mkdir()
    context = StageContext(
        folder=tmp_path / "attempt", execution=ExecutionSpec(), workers=Here(), stop=tmp_path / "stop"
    )
    with pytest.raises(ModelError, match=f"1 weights are missing or of another shape, {gone} first"):
        stage.run(config, {"prompts": folder, "model": lame, "tokenizer": BASE}, context)


def test_rows_that_vllm_answered_are_kept_and_the_record_says_what_it_does_not_promise(tmp_path, prompts):
    folder, rows = prompts(5, 3)
    workers = Streaming()
    artifact, reports, _ = answered(tmp_path, folder, workers, engine="vllm", temperature=0.7)
    found = answers_of(tmp_path / "attempt")
    assert set(found) == set(workers.asked) == {row.id for row in rows}
    assert all(one["tokens"] == 3 and one["ended"] for one in found.values())
    assert [row.id for row in read_rows(artifact.outputs["rows"])] == [row.id for row in rows[:3]]
    assert artifact.details["engine"] == "vllm 0.29.0"
    assert "no equal bits" in artifact.details["batches"]
    assert reports[-1].step == 5
    assert {one["most"] for one in workers.asked.values()} == {16}
    assert len({one["seed"] for one in workers.asked.values()}) == 5


def test_after_a_kill_vllm_is_asked_only_for_rows_without_an_answer(tmp_path, prompts):
    folder, rows = prompts(7, 7)
    cut = []
    for name, deadly in (("first", 2), ("second", 2)):
        workers = Streaming(deadly=deadly)
        with pytest.raises(InfraError):
            answered(tmp_path, folder, workers, name=name, earlier=cut[::-1], engine="vllm")
        cut.append(tmp_path / name)
    last = Streaming()
    artifact, _, notes = answered(tmp_path, folder, last, name="last", earlier=cut[::-1], engine="vllm")
    assert notes == ["4 of 7 rows were answered before"]
    assert len(last.asked) == 3
    assert artifact.metrics["answered"] == 7
    assert set(answers_of(tmp_path / "last")) == {row.id for row in rows}


def test_an_engine_that_loses_a_row_is_found_out(tmp_path, prompts):
    folder, _ = prompts(3, 3)

    class Losing(Streaming):
        def infer(self, request, prompts, keep, **named):
            return super().infer(request, prompts[:-1], keep, **named)

    with pytest.raises(InternalError, match="1 of 3 prompts came back without an answer"):
        answered(tmp_path, folder, Losing(), engine="vllm")


def test_plain_processes_hold_no_engine(tmp_path, prompts):
    folder, _ = prompts(2, 2)
    with pytest.raises(ExecutionError, match="vLLM answers on a GPU worker of a Ray cluster"):
        answered(tmp_path, folder, LocalWorkers(), engine="vllm")
