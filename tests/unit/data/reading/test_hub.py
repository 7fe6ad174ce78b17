"""Sets of the hub: folders as the hub's cache lays them out, whose files are links to their contents."""

import json

import pytest

from cftray.data.reading.reader import Reader
from cftray.data.reading.stage import FORMATS, read
from cftray.errors import DataError
from cftray.plan import RowsSource

pytest.importorskip("datasets")
COMMIT = "c" * 40


class Repository:
    """A set in the hub's cache."""

    def __init__(self, root):
        self.root, self.snapshot = root, root / "snapshots" / COMMIT
        (root / "blobs").mkdir(parents=True)

    def put(self, name, content):
        blob = self.root / "blobs" / name.replace("/", "-").replace(".", "-")
        blob.write_bytes(content)
        place = self.snapshot / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(blob)

    def lines(self, name, *records):
        self.put(name, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records).encode())

    def parquet(self, name, *records):
        import pyarrow
        from pyarrow import parquet

        buffer = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.Table.from_pylist(list(records)), buffer)
        self.put(name, buffer.getvalue().to_pybytes())


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "datasets--team--multialpaca")


def record(text, **more):
    return {"instruction": f"q {text}", "input": None, "output": f"a {text}"} | more


def rows(repository, **source):
    reader = Reader(RowsSource(**{"split": "train"} | source), FORMATS)
    return [(row.language, row.instruction) for row in read(reader, repository.snapshot)], reader.tally


def test_each_file_of_a_repository_tells_its_language_and_has_fields_of_its_own(repository):
    repository.put("README.md", b"---\nlicense: mit\n---\nEleven languages.")
    repository.lines("data/es.json", record("es"), record("es2", input="dentro"))
    repository.put("data/ja.json", json.dumps([record("ja", source={"seed": 3})]).encode())
    found, tally = rows(repository, languages={"by": "file"})
    assert found == [("es", "q es"), ("es", "q es2"), ("ja", "q ja")]
    assert tally.records == 3


def test_files_of_languages_not_asked_for_are_left_out_and_counted(repository):
    for code in ("es", "ja"):
        repository.lines(f"data/{code}.json", record(code))
    repository.lines("data/fr.json", {"of": "another layout"})
    found, tally = rows(repository, languages={"by": "file", "among": ["es", "ja"]})
    assert found == [("es", "q es"), ("ja", "q ja")]
    assert (tally.counts["not_among"], tally.places["not_among"]) == (1, ["fr.json, line 1 (fr)"])


def test_a_folder_of_the_parquet_layout_tells_the_language_of_its_splits(repository):
    for code in ("es", "ja"):
        repository.parquet(f"{code}/train/0000.parquet", record(code))
        repository.parquet(f"{code}/test/0000.parquet", record("held out"))
    assert rows(repository, languages={"by": "file"})[0] == [("es", "q es"), ("ja", "q ja")]


def test_a_configuration_of_the_parquet_layout_is_its_folder(repository):
    repository.parquet("de/train/0000.parquet", record("one"))
    repository.parquet("de/train/0001.parquet", record("two"))
    repository.parquet("de/test/0000.parquet", record("held out"))
    repository.parquet("fr/train/0000.parquet", record("other"))
    assert rows(repository, config="de", language="de")[0] == [("de", "q one"), ("de", "q two")]


def test_the_sets_own_description_says_which_files_a_split_has(repository):
    described = "---\nconfigs:\n- config_name: small\n  data_files:\n  - split: train\n    path: rows/*.jsonl\n---\n"
    repository.put("README.md", described.encode())
    repository.lines("rows/de.jsonl", record("de"))
    repository.lines("more/fr.jsonl", record("fr"))
    asked = {"config": "small", "languages": {"by": "file"}}
    assert rows(repository, **asked)[0] == [("de", "q de")]
    with pytest.raises(DataError, match=r"split test of configuration small can't be read \(splits found: train\)"):
        rows(repository, split="test", **asked)
    with pytest.raises(DataError, match="configuration large can't be read"):
        rows(repository, **asked | {"config": "large"})


def test_a_file_that_tells_no_language_is_named(repository):
    repository.lines("data/train-00000-of-00001.jsonl", record("x"))
    with pytest.raises(DataError, match=r"train-00000-of-00001\.jsonl: its name tells no language code"):
        rows(repository, languages={"by": "file"})
