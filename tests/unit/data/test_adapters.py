"""Files become rows, or are refused by name and line."""

import json

import pytest

from cftray.data.adapters import load_rows, read_rows, sample_rows, write_rows
from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.spec.data import Adapter

RECORDS = [
    {"instruction": "Add.", "input": "1 and 2", "output": "3"},
    {"instruction": "Größe?", "input": None, "output": "größer"},
    {"instruction": "Say nothing.", "input": "", "output": " "},
    {"instruction": "Greet.", "output": "Hello"},
]


def load(path, language="de"):
    return load_rows([path], Adapter.ALPACA, language)


@pytest.mark.parametrize("form", ["list", "lines", "lines with gaps", "byte order mark"])
def test_a_list_and_lines_give_the_same_rows(tmp_path, form):
    path = tmp_path / "set.json"
    lines = [json.dumps(record, ensure_ascii=False) for record in RECORDS]
    text = {
        "list": json.dumps(RECORDS, indent=2),
        "lines": "\n".join(lines),
        "lines with gaps": "\n\n".join(lines) + "\n\n",
        "byte order mark": "\ufeff" + "\n".join(lines),
    }[form]
    path.write_text(text, encoding="utf-8")
    loaded = load(path)
    assert [(row.instruction, row.input, row.output) for row in loaded.rows] == [
        ("Add.", "1 and 2", "3"),
        ("Größe?", "", "größer"),
        ("Greet.", "", "Hello"),
    ]
    assert (loaded.records, loaded.empty) == (4, 1)
    assert {row.language for row in loaded.rows} == {"de"}
    assert len({row.id for row in loaded.rows}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"instruction": "a", "output": "b"}\n{"instruction": ', r"set\.jsonl, line 2: not JSON"),
        ('[{"instruction": "a",\n "output" "b"}]', r"set\.jsonl, line 2: not JSON"),
        ('{"prompt": "a", "output": "b"}', r"record|line 1: has no instruction \(output, prompt\)"),
        ('["a"]', "expected an object"),
        ('{"instruction": 3, "output": "b"}', "instruction is a int; expected text"),
        ("", "no usable row in 0 records"),
        ("[]", "no usable row in 0 records"),
        ('{"instruction": "a", "output": ""}', "no usable row in 1 records"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path, text, message):
    path = tmp_path / "set.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        load(path)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_bytes(json.dumps(RECORDS[1], ensure_ascii=False).encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        load(path)


def test_a_sample_is_seeded_in_order_and_without_repetition():
    rows = [Row(id=str(n), instruction="i", output="o") for n in range(100)]
    one = sample_rows(rows, 30, seed=1)
    assert one == sample_rows(rows, 30, seed=1)
    assert one != sample_rows(rows, 30, seed=2)
    assert [int(row.id) for row in one] == sorted({int(row.id) for row in one})
    with pytest.raises(DataError, match="101 samples asked for, 100 rows"):
        sample_rows(rows, 101, seed=1)


def test_rows_come_back_as_they_were_written(tmp_path):
    rows = [Row(id="a", instruction="i\n", output="ö", system="s", language="ru", english_id="b")]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl") == rows
