"""The lm-eval worker on a toy pack with a tiny random model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftray.data.scores import ItemScores
from cftray.data.templates import ChatTemplate
from cftray.errors import Cancelled, InternalError, ModelError
from cftray.evaluation.packs import Pack
from cftray.evaluation.worker import evaluate, evaluate_pack

from .conftest import TEMPLATE, save_model

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def first(pack: Pack, p1: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("attempt")
    request = {
        "model_dir": str(p1),
        "tokenizer_dir": str(p1),
        "template_text": TEMPLATE,
        "suites": ["ta", "la"],
        "batch_size": 4,
        "limit": None,
        "precision": "fp32",
        "folder": str(folder),
        "stop": str(folder / "stop"),
    }
    return evaluate_pack(pack, request), folder


def test_every_item_of_every_task_has_a_row(first: tuple[dict[str, Any], Path]) -> None:
    result, folder = first
    rows = pq.read_table(folder / "items.parquet").to_pylist()
    assert {one["task"]: one["n"] for one in result["tasks"]} == {
        "toy_follow": 11, "toy_choose": 9, "toy_read_de": 7, "toy_read_fr": 7,
    }  # fmt: skip
    for one in result["tasks"]:
        mine = [row for row in rows if row["task"] == one["task"]]
        assert len({row["item"] for row in mine}) == one["n"]
        assert sum(row["score"] for row in mine) / one["n"] == pytest.approx(one["score"])
        assert sum(row["truncated"] for row in mine) == one["truncated"]


def test_the_brief_form_agrees_with_the_parquet_file(first: tuple[dict[str, Any], Path]) -> None:
    _, folder = first
    rows = pq.read_table(folder / "items.parquet").to_pylist()
    brief = ItemScores.read(folder / "scores.json.gz")
    flat = [(t.task, item, score) for t in brief.tasks for item, score in zip(t.items, t.scores, strict=True)]
    assert flat == [(row["task"], row["item"], row["score"]) for row in rows]


def test_the_same_model_scores_the_same_twice(
    first: tuple[dict[str, Any], Path], pack: Pack, p1: Path, request_for: Make
) -> None:
    result, folder = first
    again = request_for(p1, p1)
    assert _stripped(evaluate_pack(pack, again)) == _stripped(result)
    assert (Path(again["folder"]) / "scores.json.gz").read_bytes() == (folder / "scores.json.gz").read_bytes()


def test_a_suite_alone_scores_as_it_does_among_others(
    first: tuple[dict[str, Any], Path], pack: Pack, p1: Path, request_for: Make
) -> None:
    alone = evaluate_pack(pack, request_for(p1, p1, suites=["la"]))
    among = [one for one in first[0]["tasks"] if one["suite"] == "la"]
    assert [one["score"] for one in alone["tasks"]] == [one["score"] for one in among]


def test_p2_is_prompted_with_the_template_of_p1(
    first: tuple[dict[str, Any], Path], pack: Pack, p1: Path, p2: Path, request_for: Make
) -> None:
    request = request_for(p2, p1)
    result = evaluate_pack(pack, request)
    prompts = [
        pq.read_table(Path(folder) / "items.parquet", columns=["prompt_sha256"])
        for folder in (request["folder"], first[1])
    ]
    assert prompts[0].equals(prompts[1])
    expected = hashlib.sha256(b"<s>user w0 w1 w2 assistant").hexdigest()
    assert expected in prompts[0]["prompt_sha256"].to_pylist()
    assert result["tasks"] != first[0]["tasks"]


def test_answers_that_only_length_ended_are_counted(first: tuple[dict[str, Any], Path]) -> None:
    rows = pq.read_table(first[1] / "items.parquet").to_pylist()
    cut = [row for row in rows if row["truncated"]]
    assert cut
    assert len(cut) < len(rows)
    assert all("w7" not in row["output"].split() for row in rows)


def test_a_limit_takes_the_first_items(pack: Pack, p1: Path, request_for: Make) -> None:
    result = evaluate_pack(pack, request_for(p1, p1, limit=3, suites=["ta"]))
    assert [one["n"] for one in result["tasks"]] == [3, 3]


def test_progress_ends_with_every_item(first: tuple[dict[str, Any], Path]) -> None:
    lines = [json.loads(line) for line in (first[1] / "progress.jsonl").read_text().splitlines()]
    assert lines[-1] == {"step": 34, "total": 34, "tasks": 4}
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def test_nothing_is_left_in_the_folder_but_the_results(first: tuple[dict[str, Any], Path]) -> None:
    assert {one.name for one in first[1].iterdir()} == {"items.parquet", "scores.json.gz", "progress.jsonl"}


def test_two_beginnings_of_text_are_refused(pack: Pack, tmp_path: Path, request_for: Make) -> None:
    model = save_model(tmp_path / "model", seed=1, template="{{ bos_token }}" + TEMPLATE)
    with pytest.raises(ModelError, match="begins with two <s>"):
        evaluate_pack(pack, request_for(model, model))


def test_a_tokenizer_that_writes_the_beginning_too_gives_one(pack: Pack, tmp_path: Path, request_for: Make) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, adds_bos=True)
    result = evaluate_pack(pack, request_for(model, model))
    assert sum(one["n"] for one in result["tasks"]) == 34


def test_a_context_too_short_for_the_answers_is_refused(pack: Pack, tmp_path: Path, request_for: Make) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, context=6)
    with pytest.raises(ModelError, match="whole context is 6"):
        evaluate_pack(pack, request_for(model, model))


def test_prompts_cut_for_the_context_are_counted(pack: Pack, tmp_path: Path, request_for: Make) -> None:
    model = save_model(tmp_path / "model", seed=1, template=TEMPLATE, context=13)
    result = evaluate_pack(pack, request_for(model, model, suites=["ta"]))
    assert result["tasks"][0]["cut_prompts"] > 0


def test_a_stop_is_heard(pack: Pack, p1: Path, request_for: Make) -> None:
    request = request_for(p1, p1)
    Path(request["stop"]).touch()
    with pytest.raises(Cancelled):
        evaluate_pack(pack, request)


def test_a_folder_without_weights_is_the_users_to_mend(pack: Pack, p1: Path, tmp_path: Path, request_for: Make) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="does not load"):
        evaluate_pack(pack, request_for(tmp_path / "empty", p1))


def test_another_pack_than_the_planned_one_is_refused(p1: Path, request_for: Make) -> None:
    with pytest.raises(InternalError, match="planned was d"):
        evaluate(request_for(p1, p1, pack="mini"))


def _stripped(result: dict[str, Any]) -> dict[str, Any]:
    """Without timings."""
    tasks = [{key: value for key, value in one.items() if key != "seconds"} for one in result["tasks"]]
    return {**{key: value for key, value in result.items() if key != "seconds"}, "tasks": tasks}


def test_a_prompt_is_that_of_training_whatever_the_day(p1: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from cftray.evaluation.lm import GuardedLM

    text = "{{ bos_token }}{{ strftime_now('%d %b %Y') }} {% for m in messages %}{{ m['instruction'] }}{% endfor %}"
    tokenizer = AutoTokenizer.from_pretrained(p1)
    tokenizer.chat_template = text
    model = AutoModelForCausalLM.from_pretrained(p1)
    lm = GuardedLM(model, tokenizer, batch_size=1, chat=True, tick=lambda requests: None)
    trained = ChatTemplate(text, bos_token="<s>").prompt([{"role": "user", "instruction": "w1 w2"}])
    assert trained == "<s>26 Jul 2024 w1 w2"
    assert lm.apply_chat_template([{"role": "user", "content": "w1 w2"}]) == trained
