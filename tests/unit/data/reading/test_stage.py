"""The stage: what it writes, counts and tells of a data set."""

import json

import pytest

from cftray.data.adapters import read_rows
from cftray.data.reading import stage
from cftray.errors import Cancelled, DataError
from cftray.plan import ReadRowsConfig, RowsSource
from cftray.spec import ExecutionSpec
from cftray.stage import StageContext

TEXTS = {
    "en": ("Name the capital of the country and say why it was chosen.", "The government sits in the old town."),
    "de": ("Nenne die Hauptstadt des Landes und sage, warum.", "Die Regierung sitzt seit langem in der Altstadt."),
    "ja": ("この国の首都の名前を教えてください。", "政府は古い町にあります。とても美しい場所です。"),
}
UNCHECKED = {"rules": {"languages": "ignore"}}


@pytest.fixture
def context(tmp_path):
    made = 0

    def make():
        nonlocal made
        made += 1
        folder = tmp_path / f"attempt{made}"
        folder.mkdir()
        return StageContext(folder=folder, execution=ExecutionSpec(), workers=None, stop=tmp_path / "stop")

    return make


def records(language, count):
    asked, answer = TEXTS[language]
    return [{"instruction": f"{asked} ({n})", "output": answer} for n in range(count)]


def write(path, found):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found), encoding="utf-8")
    return path


def read(context, place, **source):
    artifact = stage.run(ReadRowsConfig(source=RowsSource(**source)), {"files": place}, context)
    return read_rows(artifact.outputs["rows"] / "rows.jsonl"), artifact


def test_a_folder_is_read_whole_and_counted(context, tmp_path):
    write(tmp_path / "set" / "es.jsonl", [*records("en", 3), {"instruction": "a", "output": ""}])
    write(tmp_path / "set" / "ja.jsonl", records("ja", 2))
    (tmp_path / "set" / "README.md").write_text("not data")
    rows, artifact = read(context(), tmp_path / "set", languages={"by": "file"}, **UNCHECKED)
    assert [row.language for row in rows] == ["es"] * 3 + ["ja"] * 2
    kept = {name: artifact.metrics[name] for name in ("records", "rows", "empty", "not_drawn")}
    assert kept == {"records": 6, "rows": 5, "empty": 1, "not_drawn": 0}
    assert artifact.details["languages"] == {"es": 3, "ja": 2}
    assert artifact.details["places"]["empty"] == ["es.jsonl, line 4"]


def test_the_digest_is_the_contents_whatever_the_form(context, tmp_path):
    found = records("en", 5)
    one = write(tmp_path / "one.jsonl", found)
    two = tmp_path / "two.json"
    two.write_text(json.dumps(found, indent=1))
    other = write(tmp_path / "other.jsonl", found[::-1])
    digests = [read(context(), place, **UNCHECKED)[1].details["digest"] for place in (one, two, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_draw_holds_the_rows_that_were_asked_for_and_leaves_nothing_else(context, tmp_path):
    place = write(tmp_path / "set.jsonl", records("en", 50))
    made = context()
    rows, artifact = read(made, place, samples=7, sample_seed=3, **UNCHECKED)
    assert (len(rows), artifact.metrics["rows"], artifact.metrics["not_drawn"]) == (7, 7, 43)
    assert [int(row.id) for row in rows] == sorted({int(row.id) for row in rows})
    assert sorted(path.name for path in made.folder.rglob("*")) == ["meta.json", "rows", "rows.jsonl"]
    assert rows == read(context(), place, samples=7, sample_seed=3, **UNCHECKED)[0]


def test_parquet_is_read_by_name_and_content(context, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    place = tmp_path / "set.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(records("en", 3000)), place)
    rows, _ = read(context(), place, **UNCHECKED)
    assert [row.id for row in rows] == [str(n + 1) for n in range(3000)]
    place.write_bytes(place.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"set\.parquet, after row 0: damaged Parquet"):
        read(context(), place, **UNCHECKED)


def test_a_hub_set_is_read_by_configuration_and_split(context, tmp_path):
    pytest.importorskip("datasets")
    config = "---\nconfigs:\n- config_name: {0}\n  data_files:\n  - split: train\n    path: {0}/*.jsonl\n---\n"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "README.md").write_text(config.format("de"))
    write(tmp_path / "set" / "de" / "part.jsonl", records("de", 4))
    write(tmp_path / "set" / "en.jsonl", records("en", 9))
    rows, _ = read(context(), tmp_path / "set", config="de", split="train", language="de", **UNCHECKED)
    assert [row.instruction for row in rows] == [one["instruction"] for one in records("de", 4)]
    with pytest.raises(DataError, match="split test of configuration de can't be read"):
        read(context(), tmp_path / "set", config="de", split="test", **UNCHECKED)


def test_rows_in_another_language_than_they_bear_are_refused(context, tmp_path):
    pytest.importorskip("lingua")
    place = write(tmp_path / "set.jsonl", [*records("en", 8), *records("de", 12)])
    with pytest.raises(DataError, match=r"8 of 20 rows looked at are not in the language they bear.*: en, not de"):
        read(context(), place, language="de", rules={"max_other_language": 0.3})
    _, artifact = read(context(), place, language="de")
    assert (artifact.metrics["language_checked"], artifact.metrics["other_language"]) == (20, 8)
    assert artifact.details["other_language"][0] == {"row": "1", "language": "de", "found": "en"}


def test_texts_that_tell_too_little_are_not_held_against_their_row(context, tmp_path):
    pytest.importorskip("lingua")
    place = write(tmp_path / "set.jsonl", [{"instruction": f"{n} + 1?", "output": f"{n + 1}, OK."} for n in range(9)])
    _, artifact = read(context(), place, language="ja")
    assert artifact.metrics["language_checked"] == 0


def test_detected_languages_are_those_of_the_texts(context, tmp_path):
    pytest.importorskip("lingua")
    mixed = [one for trio in zip(*(records(code, 5) for code in ("ja", "de", "ja")), strict=True) for one in trio]
    place = write(tmp_path / "set.jsonl", [*mixed, {"instruction": "1", "output": "2"}])
    languages = {"by": "detection", "among": ["de", "ja"]}
    rows, artifact = read(context(), place, languages=languages)
    assert [row.language for row in rows] == ["ja", "de", "ja"] * 5
    assert artifact.metrics["not_among"] == 1
    with pytest.raises(DataError, match=r"languages\.among: xx can't be detected"):
        read(context(), place, languages={"by": "detection", "among": ["de", "xx"]})


def test_a_long_reading_stops_when_asked(context, tmp_path, monkeypatch):
    monkeypatch.setattr(stage, "CHECK_EVERY", 2)
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        read(context(), write(tmp_path / "set.jsonl", records("en", 5)), **UNCHECKED)
