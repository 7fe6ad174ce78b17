"""Records of known layouts become drafts; rows come back as they were written."""

import pytest

from cftray.data.adapters import BadRecord, Draft, adapter_of, read_rows, write_rows
from cftray.data.rows import Row
from cftray.spec.data import Adapter
from cftray.spec.rows import Columns


def adapt(adapter, record, columns=None):
    return adapter_of(Adapter(adapter), columns)(record)


@pytest.mark.parametrize(
    ("adapter", "record", "draft"),
    [
        ("alpaca", {"instruction": " a ", "input": "b", "output": "c"}, Draft("a", "c", "b")),
        ("alpaca", {"instruction": "a", "output": "c"}, Draft("a", "c", null_input=True)),
        ("alpaca", {"instruction": "a", "input": "", "output": "\u200b \ufeff"}, Draft("a", "")),
        ("multialpaca", {"instruction": "a", "input": None, "output": "c"}, Draft("a", "c", null_input=True)),
        (
            "openorca",
            {"id": "niv.1", "system_prompt": "s", "question": "q", "response": "r"},
            Draft("q", "r", system="s", id="niv.1"),
        ),
        (
            "dolly",
            {"instruction": "i", "context": "c", "response": "r", "category": "closed_qa"},
            Draft("i", "r", "c"),
        ),
    ],
)
def test_each_layout_gives_its_draft(adapter, record, draft):
    assert adapt(adapter, record) == draft


def test_columns_name_any_fields_also_inside_others():
    columns = Columns(
        instruction="task",
        input="instances.0.input",
        output="instances.0.output",
        language="lang",
        id="no",
        system="a.b",
    )
    record = {"task": "t", "instances": [{"input": "i", "output": "o"}], "lang": "fr", "no": 7, "a.b": "s"}
    assert adapt("columns", record, columns) == Draft("t", "o", "i", "s", "fr", "7")


USER, ANSWER = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}],
}
RESULT = {"role": "tool", "tool_call_id": "1", "content": "42"}


@pytest.mark.parametrize(
    ("record", "draft"),
    [
        ({"messages": [USER, ANSWER]}, Draft("q", "a")),
        ({"messages": [{"role": "system", "content": "s"}, USER, ANSWER]}, Draft("q", "a", system="s")),
        ({"messages": [USER, ANSWER, {"role": "system", "content": "late"}]}, Draft("q", "a")),
        ({"messages": [USER, ANSWER, USER, ANSWER]}, Draft("q", "a", more_turns=True)),
        ({"messages": [ANSWER, USER, {"role": "assistant", "content": "b"}]}, Draft("q", "b", more_turns=True)),
        ({"messages": [USER]}, Draft("q", "")),
        ({"messages": [USER, CALL, RESULT, ANSWER]}, Draft("q", "", more_turns=True)),
        ({"messages": [USER, RESULT, ANSWER]}, Draft("q", "a", more_turns=True)),
        ({"messages": [USER, {"role": "narrator", "content": "n"}, ANSWER]}, Draft("q", "a", more_turns=True)),
        ({"conversations": [{"from": "human", "value": "q"}, {"from": "bing", "value": "a"}]}, Draft("q", "a")),
        ({"messages": [ANSWER]}, Draft("", "")),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, ANSWER]}, Draft("q", "a")),
        (
            {"id": "x", "conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
            Draft("q", "a", id="x"),
        ),
        ({"system": "s", "conversations": [{"from": "human", "value": "q"}]}, Draft("q", "", system="s")),
        (
            {"input": {"messages": [USER]}, "preferred_output": [ANSWER], "non_preferred_output": [USER]},
            Draft("q", "a"),
        ),
    ],
)
def test_a_chat_is_its_first_exchange(record, draft):
    assert adapt("chat", record) == draft


@pytest.mark.parametrize(
    ("adapter", "record", "message"),
    [
        ("alpaca", ["a"], "is a list; expected an object"),
        ("alpaca", {"prompt": "a", "output": "b"}, r"has no instruction \(output, prompt\)"),
        ("alpaca", {"instruction": 3, "output": "b"}, "instruction is a number; expected text"),
        (
            "alpaca",
            {"instruction": "a\udcff", "output": "b"},
            r"instruction has a byte that is not UTF-8 \(0xFF\)",
        ),
        ("alpaca", {"instruction": "a", "output": "\ud83d"}, "output has half a surrogate pair"),
        ("alpaca", {"instruction": None, "output": ["b"]}, "output is a list; expected text"),
        ("alpaca", {"instru\udcf6": "a", "output": "b"}, r"has no instruction \(instru\\udcf6, output\)"),
        ("openorca", {"id": "1", "question": "q"}, "has no response"),
        (
            "chat",
            {"messages": [USER, {"role": "narrator", "content": "a"}]},
            "has messages by narrator; roles",
        ),
        ("chat", {"text": "q"}, "has no list of messages or conversations"),
        ("chat", {"messages": ["q"]}, "a message that is text"),
        ("chat", {"messages": [{"content": "q"}]}, "without role or from"),
        ("chat", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "a part that is not text"),
        ("chat", {"messages": [{"role": "user", "content": 3}]}, "whose content is a number"),
    ],
)
def test_a_record_of_another_layout_is_bad_in_words(adapter, record, message):
    with pytest.raises(BadRecord, match=message):
        adapt(adapter, record)


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [Row(id="a", instruction="i\n", output="ö", system="s", language="ru", english_id="b")]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl") == rows
