"""Which rows a preview looks at, whatever they lie in, and when it says that it can't."""

import json

import fsspec
import pytest

from cftray.data import looking as module
from cftray.data.adapters import write_rows
from cftray.data.looking import Means, Unseen, drawn, recorded_rows, rows_for_preview
from cftray.data.rows import Row
from cftray.errors import DataError
from cftray.spec import FileData, HubData
from cftray.store import LeafDigests


@pytest.fixture
def means(tmp_path):
    """What the control plane can read."""
    return Means(digests=LeafDigests(tmp_path / "leaves"))


@pytest.fixture
def everything(tmp_path):
    """What a worker can read."""
    pytest.importorskip("pyarrow")
    from cftray.data.reading.stage import FORMATS, read

    return Means(digests=LeafDigests(tmp_path / "leaves"), formats=FORMATS, read=read, everything=True)


@pytest.fixture
def elsewhere():
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def records(count):
    return [{"instruction": f"ask {n}", "input": None, "output": f"say {n}"} for n in range(count)]


def alpaca(path, count):
    path.write_text("".join(json.dumps(one) + "\n" for one in records(count)))
    return path


def as_parquet(path, count):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(records(count)), path)
    return path


def test_few_rows_are_all_looked_at_and_of_many_some_are_drawn_from_all(tmp_path, means):
    data = FileData(path=str(alpaca(tmp_path / "d.jsonl", 40)))
    whole, some = rows_for_preview(data, 40, means), rows_for_preview(data, 8, means)
    assert (whole.choice, len(whole.rows), whole.out_of) == ("all", 40, 40)
    assert (some.choice, len(some.rows), some.out_of) == ("drawn", 8, 40)
    assert [row.id for row in some.rows] != [row.id for row in whole.rows[:8]]
    assert rows_for_preview(data, 8, means).rows == some.rows


def test_rows_are_those_that_training_takes(tmp_path, means):
    data = FileData(path=str(alpaca(tmp_path / "d.jsonl", 40)), samples=5, sample_seed=3)
    found = rows_for_preview(data, 100, means)
    assert (len(found.rows), found.out_of) == (5, 5)


def test_of_large_files_the_first_rows_are_read_and_none_counted(tmp_path, means, monkeypatch):
    path = alpaca(tmp_path / "d.jsonl", 40)
    with open(path, "a") as file:
        file.write("not JSON, and never read\n")
    monkeypatch.setattr(module, "WHOLE_BYTES", 100)
    found = rows_for_preview(FileData(path=str(path)), 8, means)
    assert (found.choice, found.out_of) == ("first", None)
    assert [row.id for row in found.rows] == [str(n) for n in range(1, 9)]


def test_drawing_keeps_the_order():
    rows = [Row(id=str(n), instruction="x", output="y") for n in range(50)]
    numbers = [int(row.id) for row in drawn(rows, 10).rows]
    assert numbers == sorted(numbers)


def test_parquet_is_for_those_who_can_read_it(tmp_path, means, everything):
    data = FileData(path=f"file://{as_parquet(tmp_path / 'd.parquet', 9)}")
    with pytest.raises(Unseen, match=r"d\.parquet is Parquet, which the service does not read"):
        rows_for_preview(data, 4, means)
    found = rows_for_preview(data, 4, everything)
    assert (found.choice, len(found.rows), found.out_of) == ("drawn", 4, 9)


def test_files_elsewhere_are_fetched_unless_they_are_too_large(tmp_path, means, everything, elsewhere, monkeypatch):
    elsewhere.pipe("/set/es.jsonl", alpaca(tmp_path / "d.jsonl", 5).read_bytes())
    data = FileData.model_validate({"path": "memory://set", "languages": {"by": "file"}})
    assert [row.language for row in rows_for_preview(data, 9, means).rows] == ["es"] * 5
    monkeypatch.setattr(module, "WHOLE_BYTES", 100)
    with pytest.raises(Unseen, match="too large to fetch while a request waits"):
        rows_for_preview(data, 9, means)
    assert rows_for_preview(data, 3, everything).choice == "first"


def test_parquet_elsewhere_is_read_by_who_can(tmp_path, means, everything, elsewhere):
    elsewhere.pipe("/d.parquet", as_parquet(tmp_path / "d.parquet", 3).read_bytes())
    data = FileData(path="memory://d.parquet")
    with pytest.raises(Unseen, match=r"d\.parquet is Parquet"):
        rows_for_preview(data, 9, means)
    assert len(rows_for_preview(data, 9, everything).rows) == 3


def test_a_hub_set_is_read_by_who_can(tmp_path, means, everything, monkeypatch):
    folder = tmp_path / "snapshot" / "de" / "train"
    folder.mkdir(parents=True)
    as_parquet(folder / "0000.parquet", 3)
    monkeypatch.setattr("cftray.store.leaves.fetch", lambda *_, **__: tmp_path / "snapshot")
    data = HubData.model_validate({"hub": {"name": "team/set", "revision": "c" * 40, "config": "de"}, "language": "de"})
    with pytest.raises(Unseen, match="a set of the hub is read by workers only"):
        rows_for_preview(data, 9, means)
    assert [row.language for row in rows_for_preview(data, 9, everything).rows] == ["de"] * 3


def test_a_draw_by_languages_that_only_a_worker_detects_is_not_shown_wrongly(tmp_path, means):
    languages = {"by": "detection", "among": ["es", "ja"]}
    path = str(alpaca(tmp_path / "d.jsonl", 5))
    data = FileData.model_validate({"path": path, "languages": languages, "proportions": {"es": 1, "ja": 1}})
    with pytest.raises(Unseen, match="drawn by their languages"):
        rows_for_preview(data, 9, means)


def test_a_fault_of_the_data_is_a_fault_and_not_a_limit_of_the_preview(tmp_path, everything):
    path = tmp_path / "d.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(DataError, match=r"d\.parquet, after row 0: damaged Parquet"):
        rows_for_preview(FileData(path=str(path)), 9, everything)


def test_recorded_rows_are_drawn_from_all_of_them(tmp_path):
    write_rows(tmp_path / "rows.jsonl", (Row(id=str(n), instruction="x", output="y") for n in range(500)))
    found = recorded_rows(tmp_path, 10, empty=2)
    assert (found.choice, found.out_of, len(found.rows), found.empty) == ("drawn", 500, 10, 2)
    assert max(int(row.id) for row in found.rows) > 250
    assert recorded_rows(tmp_path, 500).choice == "all"
