"""Rules decide over what is not as it should be; each kind is counted, and its first places are kept."""

import json
from pathlib import Path

import pytest

from cftray.data.reading.reader import Reader, language_of_name
from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.plan import RowsSource

GOOD = {"instruction": "Add.", "input": "1 and 2", "output": "3"}
EMPTY = {"instruction": "Say nothing.", "input": "", "output": " "}


def write(path, *records):
    lines = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in records]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def numbered(count, **more):
    return [{"instruction": f"q{n}", "input": "", "output": f"a{n}"} | more for n in range(count)]


def read(files, **source):
    reader = Reader(RowsSource(**source))
    rows = list(reader.rows(files if isinstance(files, list) else [files]))
    return rows, reader.tally


def test_a_row_has_its_records_text_and_the_number_among_all_records(tmp_path):
    one = write(tmp_path / "one.jsonl", GOOD, EMPTY)
    two = write(tmp_path / "two.jsonl", {"instruction": "Greet.", "input": None, "output": "Hello"})
    rows, tally = read([one, two], language="de")
    assert rows == [
        Row(id="1", instruction="Add.", input="1 and 2", output="3", language="de"),
        Row(id="3", instruction="Greet.", output="Hello", language="de"),
    ]
    assert (tally.records, tally.rows, tally.counts["empty"], tally.counts["null_input"]) == (3, 2, 1, 1)
    assert tally.places["empty"] == ["one.jsonl, line 2"]


def test_the_same_content_under_another_name_gives_the_same_rows(tmp_path):
    one, two = (write(tmp_path / name, *numbered(3)) for name in ("a.jsonl", "b.jsonl"))
    assert read(one)[0] == read(two)[0]


@pytest.mark.parametrize("bad", ["{", {"prompt": "a"}, {"instruction": 3, "output": "b"}, "7"])
def test_one_bad_line_refuses_the_set_by_file_and_line(tmp_path, bad):
    path = write(tmp_path / "set.jsonl", GOOD, bad)
    with pytest.raises(DataError, match=r"^set\.jsonl, line 2: .*rules\.bad_lines"):
        read(path)


def test_bad_lines_can_be_left_out_up_to_a_share(tmp_path):
    path = write(tmp_path / "set.jsonl", *numbered(19), "{")
    rows, tally = read(path, rules={"bad_lines": "drop", "max_bad_share": 0.05})
    assert (len(rows), tally.counts["bad_lines"]) == (19, 1)
    assert tally.places["bad_lines"][0].startswith("set.jsonl, line 20: not JSON")
    with pytest.raises(DataError, match=r"1 of 20 records are bad, the first at set\.jsonl, line 20"):
        read(path, rules={"bad_lines": "drop", "max_bad_share": 0.04})


def test_empty_responses_can_be_refused(tmp_path):
    path = write(tmp_path / "set.jsonl", GOOD, EMPTY)
    with pytest.raises(DataError, match=r"line 2: has no response"):
        read(path, rules={"empty": "refuse"})


def test_duplicates_are_kept_and_counted_unless_the_rule_says_otherwise(tmp_path):
    path = write(tmp_path / "set.jsonl", GOOD, GOOD | {"input": "2 and 2"}, GOOD)
    rows, tally = read(path)
    assert (len(rows), tally.counts["duplicates"], tally.places["duplicates"]) == (3, 1, ["set.jsonl, line 3"])
    assert [row.id for row in read(path, rules={"duplicates": "drop"})[0]] == ["1", "2"]
    with pytest.raises(DataError, match="line 3: says word for word"):
        read(path, rules={"duplicates": "refuse"})


def test_longer_chats_follow_their_rule(tmp_path):
    turns = [{"role": role, "content": role} for role in ("user", "assistant")]
    path = write(tmp_path / "set.jsonl", {"messages": turns}, {"messages": turns * 2})
    rows, tally = read(path, adapter="chat")
    assert (len(rows), tally.counts["more_turns"]) == (2, 1)
    assert len(read(path, adapter="chat", rules={"more_turns": "drop"})[0]) == 1
    with pytest.raises(DataError, match="line 2: has more than one exchange"):
        read(path, adapter="chat", rules={"more_turns": "refuse"})


@pytest.mark.parametrize("records", [[], [EMPTY], [[]]])
def test_a_set_without_a_row_is_refused(tmp_path, records):
    path = write(tmp_path / "set.jsonl", *([] if records == [[]] else records))
    if records == [[]]:
        path.write_text("[]")
    with pytest.raises(
        DataError, match=r"set\.jsonl: no usable row in (0 records;|1 records \(1 without instruction or response\);)"
    ):
        read(path)


def test_a_named_field_that_never_occurs_is_refused_one_that_is_null_is_not(tmp_path):
    path = write(tmp_path / "set.jsonl", {"q": "a", "r": "b", "c": None})
    assert read(path, adapter="columns", columns={"instruction": "q", "output": "r", "input": "c"})[0]
    with pytest.raises(DataError, match="no record has a field contxt"):
        read(path, adapter="columns", columns={"instruction": "q", "output": "r", "input": "contxt"})


def test_ids_of_the_records_are_kept_and_made_unique(tmp_path):
    records = [{"id": one, "system_prompt": "", "question": f"q{n}", "response": "r"} for n, one in enumerate("aba")]
    rows, tally = read(write(tmp_path / "set.jsonl", *records), adapter="openorca")
    assert [row.id for row in rows] == ["a", "b", "a~3"]
    assert tally.counts["repeated_ids"] == 1


@pytest.mark.parametrize(
    "path", ["es.jsonl", "tasks_es.jsonl", "seed.es.jsonl", "es-train.jsonl", "es/part-00001.jsonl"]
)
def test_a_files_name_or_folder_tells_its_language(tmp_path, path):
    rows, _ = read(write(tmp_path / path, GOOD), languages={"by": "file", "among": ["es", "ja"]})
    assert rows[0].language == "es"


@pytest.mark.parametrize(
    ("path", "among", "language"),
    [
        ("es/train/0000.parquet", [], "es"),
        ("es/partial-train/0000.parquet", [], "es"),
        ("es/train-00000-of-00001.parquet", [], "es"),
        ("es/my-rows.jsonl", ["es", "ja"], "es"),
        ("es/my-rows.jsonl", [], "my"),
        ("set/fr.jsonl", ["es", "ja"], "fr"),
        ("raw/new.jsonl", [], None),
        ("es/old/rows.jsonl", [], None),
        ("yue_Hant/rows.jsonl", [], None),
        ("tlh/rows.jsonl", ["tlh"], "tlh"),
        ("pt-BR.jsonl", [], "pt"),
        ("alpaca_pt_BR/train/0000.parquet", [], "pt"),
        ("my-data/rows.jsonl", [], None),
    ],
)
def test_what_tells_a_language_and_what_only_looks_like_a_code(path, among, language):
    assert language_of_name(Path("/srv/id") / path, among) == language


def test_a_name_that_tells_no_language_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"train\.jsonl: its name tells no language code of es, ja"):
        read(write(tmp_path / "data" / "train.jsonl", GOOD), languages={"by": "file", "among": ["es", "ja"]})


def test_a_column_tells_each_rows_language_and_those_not_asked_for_are_left_out(tmp_path):
    codes = ["es", "ja-JP", "DE", None]
    path = write(tmp_path / "set.jsonl", *({"instruction": f"q{one}", "output": "a", "lang": one} for one in codes))
    languages = {"by": "column", "column": "lang"}
    assert [row.language for row in read(path, languages=languages)[0]] == ["es", "ja", "de", "und"]
    rows, tally = read(path, languages=languages | {"among": ["es", "ja"]})
    assert ([row.language for row in rows], tally.counts["not_among"]) == (["es", "ja"], 2)
    write(path, {"instruction": "q", "output": "a", "lang": "Spanish"})
    with pytest.raises(DataError, match="line 1: has the language 'Spanish'"):
        read(path, languages=languages)


def test_rows_aligned_by_id_carry_the_field_that_both_sets_have(tmp_path):
    german = write(tmp_path / "de.jsonl", *(GOOD | {"key": n} for n in (3, 1)))
    shared = {"align": "id", "key": "key"}
    assert [(row.id, row.english_id) for row in read(german, **shared)[0]] == [("1", "3"), ("2", "1")]
    assert [(row.id, row.english_id) for row in read(german, **shared, english=True)[0]] == [("3", None), ("1", None)]


def test_whole_numbers_that_a_table_made_fractions_of_are_the_same_ids(tmp_path):
    german = write(tmp_path / "de.jsonl", GOOD | {"id": 3.0}, GOOD | {"id": 4})
    assert [row.english_id for row in read(german, align="id", key="id")[0]] == ["3", "4"]


def test_rows_aligned_by_line_keep_their_line_though_a_record_is_left_out(tmp_path):
    path = write(tmp_path / "de.jsonl", GOOD, EMPTY, GOOD)
    assert [row.english_id for row in read(path, align="line")[0]] == ["1", "3"]
    assert [row.id for row in read(path, align="line", english=True)[0]] == ["1", "3"]


def test_a_record_without_the_field_it_is_aligned_by_is_named(tmp_path):
    path = write(tmp_path / "en.jsonl", GOOD | {"key": 1}, GOOD)
    with pytest.raises(DataError, match=r"en\.jsonl, line 2: has no key"):
        read(path, align="id", key="key")
