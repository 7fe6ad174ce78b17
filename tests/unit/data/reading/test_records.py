"""What a file is, its records with their numbers, and what is refused as a whole."""

import gzip
import json

import pytest

from cftray.data.adapters import BadRecord
from cftray.data.reading.records import TEXT, records_of
from cftray.errors import DataError

RECORDS = [{"a": "Größe", "b": "1"}, {"a": "x\ny", "b": None}]
LINES = [json.dumps(record, ensure_ascii=False) for record in RECORDS]


def records(path, content):
    path.write_bytes(content)
    return list(records_of(path, TEXT))


@pytest.mark.parametrize(
    ("name", "content", "numbers"),
    [
        ("list.json", json.dumps(RECORDS, indent=2).encode(), [("record", 1), ("record", 2)]),
        ("list.jsonl", json.dumps(RECORDS).encode(), [("record", 1), ("record", 2)]),
        ("lines.json", "\n".join(LINES).encode(), [("line", 1), ("line", 2)]),
        ("gaps.jsonl", ("\n\n" + "\r\n\r\n".join(LINES) + "\n\n").encode(), [("line", 3), ("line", 5)]),
        ("mark.jsonl", ("\ufeff" + "\n".join(LINES)).encode(), [("line", 1), ("line", 2)]),
        ("joined.jsonl", ("\ufeff" + "\n\ufeff".join(LINES)).encode(), [("line", 1), ("line", 2)]),
        ("wide.jsonl", "\n".join(LINES).encode("utf-16"), [("line", 1), ("line", 2)]),
        ("wide.json", json.dumps(RECORDS, ensure_ascii=False).encode("utf-16"), [("record", 1), ("record", 2)]),
        ("packed.jsonl.gz", gzip.compress("\n".join(LINES).encode()), [("line", 1), ("line", 2)]),
    ],
)
def test_every_form_of_json_gives_the_same_records(tmp_path, name, content, numbers):
    found = records(tmp_path / name, content)
    assert [record for _, _, record in found] == RECORDS
    assert [(unit, number) for unit, number, _ in found] == numbers


@pytest.mark.parametrize(("name", "mark"), [("t.csv", ","), ("t.tsv", "\t"), ("t.csv.gz", ",")])
def test_cells_stand_under_the_first_lines_names_at_the_line_they_end_in(tmp_path, name, mark):
    text = f'\r\na{mark}b\r\n"Größe"{mark}1\r\n"x\ny"{mark}\n'.encode()
    found = records(tmp_path / name, gzip.compress(text) if name.endswith(".gz") else text)
    assert [(number, record) for _, number, record in found] == [
        (3, {"a": "Größe", "b": "1"}),
        (5, {"a": "x\ny", "b": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "content", "bad", "message"),
    [
        ("a.jsonl", b'{"a": 1}\n{"a": \n{"a": 2}', 2, "not JSON"),
        ("a.jsonl", b'{"a": 1}\n' + b"[" * 100_000 + b'\n{"a": 2}', 2, "not JSON"),
        ("a.jsonl", b'{"a": 1}\n{"a": ' + b"9" * 5000 + b'}\n{"a": 2}', 2, "not JSON"),
        ("a.csv", b"a,b\n1,2\n1,2,3\n1,2", 3, "has 3 cells, the first line names 2 columns"),
        ("a.csv", b'a,b\n1,2\n"1"x,2\n1,2', 3, "not CSV"),
    ],
)
def test_one_bad_line_keeps_its_place_and_the_rest_is_read(tmp_path, name, content, bad, message):
    found = {number: record for _, number, record in records(tmp_path / name, content)}
    assert isinstance(found[bad], BadRecord)
    assert message in str(found[bad])
    assert not any(isinstance(record, BadRecord) for number, record in found.items() if number != bad)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'[{"a": 1,\n "b" 2}]', r"a\.json, line 2, character 6: not JSON"),
        ("a.json", b"PAR1....", "is a Parquet file, not JSON; rename it to .parquet"),
        ("a.jsonl", b"<!DOCTYPE html><p>Sign in", "is a web page or XML, not JSONL"),
        ("a.csv", b"PK\x03\x04", "is a zip archive, not CSV"),
        ("a.json", gzip.compress(b"{}"), "compressed with gzip, not JSON; rename it to end in .gz"),
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer.*git lfs pull"),
        ("a.jsonl", '{"a": 1}'.encode("utf-16-le"), "UTF-16 without its mark"),
        ("a.parquet", b'{"a": 1}', "no Parquet file"),
        ("a.txt", b'{"a": 1}', "tells no format; expected .json"),
        ("a", b'{"a": 1}', "tells no format"),
        ("a.json.gz", b"[]", "is not what .gz says"),
        ("a.csv", b"", "is empty; expected a first line"),
        ("a.csv", b"a;b\n1;2\n", "first line is separated by semicolons; write it with commas"),
        ("a.csv", b"a\tb\n1\t2\n", "first line is separated by tabs; give it the suffix .tsv"),
        ("a.tsv", b"a,b\n1,2\n", "first line is separated by commas; give it the suffix .csv"),
        ("a.csv", b'{"a": 1, "b": 2}\n', "is JSON by its first line"),
        ("a.csv", b"a,b,a\n1,2,3\n", "first line names a more than once"),
        ("a.csv", "Größe,b\n1,2\n".encode("cp1252"), r"first line has a byte that is not UTF-8 \(0xF6\)"),
        (
            "a.csv",
            b'a,b\n1,2\n"3,4\n5,6\n7,8\n',
            "line 3: a quote opens that is not closed rightly up to line 5",
        ),
        (
            "a.csv",
            b'a,b\n"1,2\n3,"4",5\n6,7\n',
            "line 2: a quote opens that is not closed rightly up to line 3",
        ),
        ("a.json", b'{\n "data": [{"a": 1}]\n}', "is one JSON object over several lines"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message):
        records(tmp_path / name, content)


def test_a_packed_file_that_breaks_off_is_refused(tmp_path):
    whole = gzip.compress("\n".join(LINES * 5000).encode())
    with pytest.raises(DataError, match="breaks off or is damaged"):
        records(tmp_path / "a.jsonl.gz", whole[: len(whole) // 2])
