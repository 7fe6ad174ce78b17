"""Prompts from MT-Bench's layout and from lines; what can't be used is refused in words."""

from __future__ import annotations

import json

import pytest

from cftray.analysis.prompts import read_prompts
from cftray.errors import DataError
from cftray.spec.analysis import FilePrompts, MiniPrompts


@pytest.fixture
def questions(tmp_path):
    def write(*records, name="question.jsonl"):
        path = tmp_path / name
        path.write_text("".join(f"{one if isinstance(one, str) else json.dumps(one)}\n" for one in records))
        return path

    return write


def question(number, *turns):
    return {"question_id": number, "category": "writing", "turns": list(turns)}


def test_first_turns_are_taken_in_order(questions):
    path = questions(question(81, "one", "more"), question(82, "two"), question(83, "three"))
    rows = read_prompts(FilePrompts(count=2), path)
    assert [(row.id, row.instruction) for row in rows] == [("81", "one"), ("82", "two")]
    assert len(read_prompts(FilePrompts(count=None), path)) == 3


def test_lines_are_prompts_and_blank_ones_are_not(questions):
    rows = read_prompts(FilePrompts(format="lines", count=2), questions("first", "  ", "second", name="a.txt"))
    assert [(row.id, row.instruction) for row in rows] == [("line-000001", "first"), ("line-000003", "second")]


def test_the_miniature_has_its_own():
    assert len(read_prompts(MiniPrompts(count=5), None)) == 5


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "holds no prompt; expected one JSON object a line"),
        (('{"question_id": 1, "turns": ["a"]}', "{broken"), "line 2: is no JSON"),
        (('{"question_id": 1}',), "line 1: has no turns"),
        (('{"question_id": 1, "turns": []}',), "line 1: has no turn;"),
        (('{"question_id": 1, "turns": [" "]}',), "line 1: its first turn is no text"),
        (('{"question_id": 1, "turns": ["a"]}', '{"question_id": 1, "turns": ["b"]}'), "more than once"),
    ],
)
def test_a_file_that_is_no_question_file_is_refused(questions, lines, said):
    with pytest.raises(DataError, match=said):
        read_prompts(FilePrompts(count=None), questions(*lines))


def test_fewer_than_asked_are_refused(questions):
    with pytest.raises(DataError, match=r"holds 1 prompts, 80 were asked for; lower prompts\.count"):
        read_prompts(FilePrompts(), questions(question(1, "one")))


def test_an_absent_file_and_bytes_that_are_no_text_are_refused(tmp_path):
    with pytest.raises(DataError, match="no file of prompts"):
        read_prompts(FilePrompts(), tmp_path / "nowhere.jsonl")
    (tmp_path / "latin.txt").write_bytes("fünf\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 1: is not UTF-8"):
        read_prompts(FilePrompts(format="lines", count=None), tmp_path / "latin.txt")
