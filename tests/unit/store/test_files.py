"""Where data lie, what they count by, and how what lies elsewhere is brought here."""

import os
from importlib import import_module

import fsspec
import pytest

from cftray.errors import DataError
from cftray.plan import Leaf, LeafKind
from cftray.store import LeafDigests, locate_files
from cftray.store.files import data_files
from cftray.store.leaves import leaf_fault


@pytest.fixture
def elsewhere():
    """fsspec's file system in memory, empty."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


@pytest.fixture
def digests(tmp_path):
    return LeafDigests(tmp_path / "leaves")


def leaf(location, **more):
    return Leaf(kind=LeafKind.FILES, location=str(location), **more)


def write(path, text="{}"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_folders_data_files_count_in_the_order_of_their_paths(tmp_path):
    for name in ("b.jsonl", "a/z.csv.gz", "c.parquet", "README.md", ".hidden/x.json", ".x.json", "notes.gz"):
        write(tmp_path / name)
    found = [str(path.relative_to(tmp_path)) for path in locate_files(str(tmp_path))]
    assert found == ["a/z.csv.gz", "b.jsonl", "c.parquet"]
    assert locate_files(f"file://{tmp_path}/b.jsonl") == [tmp_path / "b.jsonl"]
    assert locate_files(f"{tmp_path}/**/*.csv.gz") == [tmp_path / "a" / "z.csv.gz"]


@pytest.mark.parametrize("location", ["{}/none.json", "{}/*.json", "{}", "file://{}/none.json"])
def test_nothing_to_read_is_refused(tmp_path, location):
    with pytest.raises(DataError, match="no such file; expected a file of"):
        locate_files(location.format(tmp_path))


def test_files_count_by_content_and_by_what_their_name_says_of_the_format(tmp_path, digests):
    one = digests.known(leaf(write(tmp_path / "one.jsonl", "same")))
    assert digests.known(leaf(write(tmp_path / "sub" / "two.jsonl", "same"))) == one
    assert digests.known(leaf(write(tmp_path / "three.csv", "same"))) != one
    assert digests.known(leaf(write(tmp_path / "four.jsonl", "other"))) != one


def test_names_count_where_they_tell_languages(tmp_path, digests):
    write(tmp_path / "es.jsonl", "same")
    write(tmp_path / "fr.jsonl", "same")
    assert digests.known(leaf(tmp_path / "es.jsonl")) == digests.known(leaf(tmp_path / "fr.jsonl"))
    named = [digests.known(leaf(tmp_path / name, named=True)) for name in ("es.jsonl", "fr.jsonl")]
    assert named[0] != named[1]


def test_a_url_counts_like_the_file_it_names(tmp_path, digests, elsewhere):
    elsewhere.pipe("/set/rows.jsonl", b"same")
    local = digests.known(leaf(write(tmp_path / "rows.jsonl", "same")))
    assert digests.known(leaf("memory://set/rows.jsonl")) == local
    assert digests.known(leaf("memory://set/*.jsonl")) == local
    assert digests.known(leaf(f"file://{tmp_path}/rows.jsonl")) == local


def test_a_folder_elsewhere_is_copied_in_its_order_with_the_names_that_tell(tmp_path, digests, elsewhere):
    for name in ("b/es.jsonl", "a/fr.jsonl", "readme.txt"):
        elsewhere.pipe(f"/set/{name}", name.encode())
    asked = leaf("memory://set")
    place = digests.place(asked, digests.known(asked))
    files = locate_files(str(place))
    assert [path.read_text() for path in files] == ["a/fr.jsonl", "b/es.jsonl"]
    assert [path.name for path in files] == ["fr.jsonl", "es.jsonl"]
    elsewhere.rm("/set", recursive=True)
    assert digests.place(asked, place.name) == place


def test_folders_of_splits_keep_the_folder_above_that_tells_a_language(tmp_path, digests, elsewhere):
    for code in ("es", "fr"):
        elsewhere.pipe(f"/{code}/train/0000.jsonl", b"same")
    digest = {code: digests.known(leaf(f"memory://{code}/train", named=True)) for code in ("es", "fr")}
    assert digest["es"] != digest["fr"]
    (copied,) = locate_files(str(digests.place(leaf("memory://fr/train", named=True), digest["fr"])))
    assert copied.parts[-3:] == ("fr", "train", "0000.jsonl")


def test_what_changed_elsewhere_since_the_plan_is_refused(digests, elsewhere):
    elsewhere.pipe("/rows.jsonl", b"planned")
    asked = leaf("memory://rows.jsonl")
    digest = digests.known(asked)
    elsewhere.pipe("/rows.jsonl", b"and then this")
    assert not digests.still(asked, digest)
    with pytest.raises(DataError, match="has changed since the experiment was planned"):
        digests.place(asked, digest)
    assert not any(path.is_file() for path in (digests.folder / "files").rglob("*"))


def test_a_digest_is_made_anew_when_the_file_elsewhere_changes(digests, elsewhere):
    elsewhere.pipe("/rows.jsonl", b"one")
    before = digests.known(leaf("memory://rows.jsonl"))
    elsewhere.pipe("/rows.jsonl", b"two")
    assert digests.known(leaf("memory://rows.jsonl")) != before


def test_a_digest_is_remembered_by_size_and_time(tmp_path, digests):
    path = write(tmp_path / "rows.jsonl", "one")
    before, stat = digests.known(leaf(path)), path.stat()
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert digests.known(leaf(path)) == before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert digests.known(leaf(path)) != before


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("memory://none.jsonl", "no such file"),
        ("memory://none/*.jsonl", "no such file"),
        ("nosuch://rows.jsonl", "no file system is known as nosuch://"),
        ("memory://a.zip::memory://b", "chained URLs are not read"),
    ],
)
def test_urls_that_lead_nowhere_are_refused_in_words(location, message, elsewhere):
    with pytest.raises(DataError, match=message):
        data_files(location)
    fault = leaf_fault("phase2.data.path", leaf(location))
    assert fault.path == "phase2.data.path"
    assert message in fault.expected


def test_a_file_system_whose_package_is_absent_names_it(monkeypatch):
    absent = {"class": "no_such_package.System", "err": "Install no_such_package to reach it"}
    monkeypatch.setitem(import_module("fsspec.registry").known_implementations, "absent", absent)
    with pytest.raises(DataError, match=r"reading absent:// needs another package \(Install no_such_package"):
        data_files("absent://rows.jsonl")


def test_a_file_system_that_does_not_answer_is_the_platforms_failure(elsewhere, monkeypatch):
    def refuse(self, path, **keywords):
        raise PermissionError("denied")

    monkeypatch.setattr(type(elsewhere), "info", refuse)
    fault = leaf_fault("p", leaf("memory://rows.jsonl"))
    assert "can't be reached (denied)" in fault.expected
