"""From published files to documents: both formats alike, and what is wrong told by file, line and field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cftray.errors import DataError, InternalError
from cftray.evaluation.paper.pack import TASKS
from cftray.evaluation.paper.sources import bound, load, read

from .published import (
    CHOICES,
    COMPARED,
    ENDINGS,
    INSTRUCTED,
    QUESTIONS,
    article_rows,
    squad_document,
    squad_rows,
    write_json,
    write_rows,
)

PAIRS = sorted({(str(task.source), task.language) for task in TASKS})
Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(("benchmark", "language"), PAIRS)
def test_originals_and_the_hubs_files_give_the_same_items(
    originals: dict[str, Path], snapshots: dict[str, Path], benchmark: str, language: str
) -> None:
    one, other = (read(benchmark, language, places[benchmark]) for places in (originals, snapshots))
    assert one.items == other.items
    assert one.digest == other.digest
    assert one.files != other.files
    assert all(item["language"] == language for item in one.items)


def test_a_question_has_its_passage_and_all_right_answers(originals: dict[str, Path]) -> None:
    context, question, answer = QUESTIONS["hi"]
    first, second = read("xquad", "hi", originals["xquad"]).items
    assert first == {"id": "q1", "context": context, "question": question, "answers": [answer], "language": "hi"}
    assert second["answers"] == [answer, context]


def test_an_mmlu_question_is_the_nth_of_its_subject(originals: dict[str, Path]) -> None:
    items = read("mmlu", "en", originals["mmlu"]).items
    assert [item["id"] for item in items] == ["anatomy/0", "world_religions/0", "anatomy/1"]
    assert [item["gold"] for item in items] == [1, 3, 2]


def test_hellaswag_is_cleaned_as_the_harness_does_and_has_ids_of_its_own(originals: dict[str, Path]) -> None:
    first, second = read("hellaswag", "en", originals["hellaswag"]).items
    assert first["id"] == "activitynet~v_1/4"
    assert first["query"] == "Washing dishes: A man is in a kitchen. He"
    assert second["id"] == "wikihow~7/4"
    assert second["query"] == "Health: How to rest. Lie down. Slowly."
    assert second["choices"][0] == " Close your eyes."


def test_ifeval_keeps_each_instructions_own_arguments(snapshots: dict[str, Path]) -> None:
    items = read("ifeval", "en", snapshots["ifeval"]).items
    assert [json.loads(item["kwargs"]) for item in items] == [row["kwargs"] for row in INSTRUCTED]
    assert [item["id"] for item in items] == ["1000", "1001", "1002", "1003"]


def test_alpaca_eval_has_the_references_answers_by_place(originals: dict[str, Path]) -> None:
    items = read("alpaca_eval", "en", originals["alpaca_eval"]).items
    assert [(item["id"], item["reference"]) for item in items] == [("0", "The Rhine."), ("1", "")]


def test_the_digest_is_that_of_the_items(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "xquad.de.json", squad_document("de"))
    write_json(tmp_path / "b" / "xquad.de.json", squad_document("de") | {"version": "other"})
    changed = json.loads(json.dumps(squad_document("de")).replace("1248", "1249"))
    write_json(tmp_path / "c" / "xquad.de.json", changed)
    digests = [read("xquad", "de", tmp_path / name).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_a_record_says_what_was_read(originals: dict[str, Path]) -> None:
    record = read("mlqa", "de", originals["mlqa"]).record
    assert record.pop("digest")
    assert record == {
        "benchmark": "mlqa",
        "language": "de",
        "split": "test",
        "files": ["test-context-de-question-de.json"],
        "n": 2,
    }


def test_places_hold_while_they_are_bound(originals: dict[str, Path], snapshots: dict[str, Path]) -> None:
    with bound(originals):
        with bound({"mmlu": snapshots["mmlu"]}):
            assert len(load(source="mmlu", language="en", version=1)["test"]) == 3
            with pytest.raises(InternalError, match="xquad: a task wants its files"):
                load(source="xquad", language="de")
        assert load(source="xquad", language="de")["test"][0]["id"] == "q1"
    with pytest.raises(InternalError, match="no place is bound"):
        load(source="xquad", language="de")


def _without(name: str) -> Change:
    return lambda row: row.pop(name)


def _with(**fields: Any) -> Change:
    return lambda row: row.update(fields)


@pytest.mark.parametrize(
    ("benchmark", "name", "rows", "change", "told"),
    [
        (
            "mmlu",
            "test.jsonl",
            CHOICES,
            _without("answer"),
            r"test\.jsonl, line 2, field answer: not there; expected a whole",
        ),
        (
            "mmlu",
            "test.jsonl",
            CHOICES,
            _with(answer=4),
            r"line 2, field answer: 4; expected a number from 0 to 3; mend",
        ),
        ("mmlu", "test.jsonl", CHOICES, _with(answer="D"), r"line 2, field answer: 'D'; expected a whole number"),
        ("mmlu", "test.jsonl", CHOICES, _with(choices=["a"]), r"field choices: \['a'\]; expected 4 of them"),
        ("hellaswag", "hellaswag_val.jsonl", ENDINGS, _with(label=""), r"line 2, field label: ''; expected a whole"),
        (
            "hellaswag",
            "hellaswag_val.jsonl",
            ENDINGS,
            _without("source_id"),
            r"field source_id: not there; expected a text",
        ),
        (
            "ifeval",
            "input_data.jsonl",
            INSTRUCTED,
            _with(kwargs=[]),
            r"field kwargs: \[\]; expected a list of 1 objects",
        ),
        (
            "ifeval",
            "input_data.jsonl",
            INSTRUCTED,
            _with(prompt=" "),
            r"field prompt: ' '; expected a text that is not blank",
        ),
        (
            "xlsum",
            "arabic_test.jsonl",
            article_rows("ar"),
            _with(summary=None),
            r"arabic_test\.jsonl, line 2, field summary: None",
        ),
        (
            "xlsum",
            "arabic_test.jsonl",
            article_rows("ar"),
            _with(id="world-0"),
            r"1 ids stand there more than once \(world-0\)",
        ),
        (
            "alpaca_eval",
            "alpaca_eval.json",
            COMPARED,
            _without("output"),
            r"line 2, field output: not there; expected a text",
        ),
        ("xquad", "xquad.ar/validation-0-of-1.parquet", squad_rows("ar"), _without("id"), r"row 1, field answers: \["),
    ],
)
def test_a_wrong_field_is_told_by_file_line_and_field(
    tmp_path: Path, benchmark: str, name: str, rows: list[dict[str, Any]], change: Change, told: str
) -> None:
    copies = [dict(row) for row in rows]
    change(copies[1])
    write_rows(tmp_path / name, copies)
    with pytest.raises(DataError, match=told):
        read(benchmark, "en" if benchmark not in ("xlsum", "xquad") else "ar", tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", r"line 1: not JSON"),
        ('{"data": [', r"xquad\.de\.json, line 1: not JSON"),
        ("[]", r"no list data at its top; expected SQuAD 1\.1"),
        ('{"data": [{"paragraphs": [3]}]}', r"data\[0\]\.paragraphs\[0\]: 3; expected an object"),
        ('{"data": [{}]}', r"data\[0\], field paragraphs: not there; expected a list"),
        (
            '{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "1", "question": "q", "answers": []}]}]}]}',
            r"paragraphs\[0\]\.qas\[0\], field answers: \[\]; expected at least one right answer",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": 1, "answers": [{"text": "a"}]}]}]}]}',
            r"qas\[0\], field id: 1; expected a text",
        ),
        ('{"data": []}', r"xquad in de \(xquad\.de\.json\): is empty"),
    ],
)
def test_a_file_that_is_not_squad_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "xquad.de.json").write_text(text)
    with pytest.raises(DataError, match=told):
        read("xquad", "de", tmp_path)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{broken", r"test\.jsonl, line 4: not JSON"),
        ("7", r"line 4: is 7; expected an object"),
    ],
)
def test_one_bad_line_is_one_too_many(tmp_path: Path, line: str, told: str) -> None:
    write_rows(tmp_path / "test.jsonl", CHOICES)
    with open(tmp_path / "test.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=told):
        read("mmlu", "en", tmp_path)


def test_bytes_that_are_no_utf8_are_refused(tmp_path: Path) -> None:
    line = json.dumps(article_rows("fr")[0], ensure_ascii=False).encode("latin-1")
    (tmp_path / "french_test.jsonl").write_bytes(line)
    with pytest.raises(DataError, match="expected UTF-8"):
        read("xlsum", "fr", tmp_path)


def test_a_web_page_by_the_name_of_a_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "xquad.de.json").write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(DataError, match="is a web page"):
        read("xquad", "de", tmp_path)
