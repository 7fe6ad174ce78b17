"""A record is written last, once, and whole; events are numbered; leaves count by content."""

import threading

import pytest

from cftray.errors import DataError, ModelError
from cftray.plan import Leaf, LeafKind
from cftray.store import EventLog, LeafDigests, Record, Store
from cftray.store.atomic import write_exclusive
from cftray.store.events import EventKind, EventWriter
from cftray.store.leaves import leaf_fault

FINGERPRINT = "ab" + "0" * 62


def record(experiment="exp_a"):
    return Record(
        fingerprint=FINGERPRINT,
        kind="train",
        title="phase 1",
        config={},
        inputs={},
        outputs={},
        metrics={"loss": 1.5},
        details={},
        execution={},
        provenance={},
        experiment=experiment,
        attempt=1,
        started_at="2026-01-01T00:00:00.000+00:00",
        finished_at="2026-01-01T00:00:01.000+00:00",
        seconds=1.0,
    )


def test_the_first_record_stays(tmp_path):
    store = Store(tmp_path)
    assert store.record(FINGERPRINT) is None
    assert store.write_record(record("exp_a"))
    assert not store.write_record(record("exp_b"))
    assert store.record(FINGERPRINT).experiment == "exp_a"


def test_exclusive_writing_has_one_winner_and_leaves_nothing_beside(tmp_path):
    wins = []
    target = tmp_path / "one"
    threads = [
        threading.Thread(target=lambda n=n: wins.append(n) if write_exclusive(target, str(n)) else None)
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert target.read_text() == str(wins[0])
    assert len(wins) == 1


def test_an_output_counts_by_names_and_contents_of_its_files(tmp_path):
    store = Store(tmp_path)
    folder = store.attempt_folder(FINGERPRINT, 1) / "model"
    folder.mkdir(parents=True)
    (folder / "a").write_text("x")
    before = store.describe(FINGERPRINT, folder)
    assert before.path == "attempts/1/model"
    assert before.size == 1
    (folder / "a").rename(folder / "b")
    assert store.describe(FINGERPRINT, folder).sha256 != before.sha256


def test_events_are_numbered_from_one_and_continue(tmp_path):
    path = tmp_path / "events.jsonl"
    EventWriter(path).write(EventKind.JOB_STARTED)
    EventWriter(path).write(EventKind.STAGE_PROGRESS, "train.p1.s1", step=3)
    events = list(EventLog(path).after(0))
    assert [event.number for event in events] == [1, 2]
    assert [event.number for event in EventLog(path).after(1)] == [2]
    assert events[1].data == {"step": 3}


def test_an_event_that_is_half_written_is_left_for_later(tmp_path):
    path = tmp_path / "events.jsonl"
    EventWriter(path).write(EventKind.JOB_STARTED)
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    assert len(list(EventLog(path).after(0))) == 1


def test_files_count_by_content_and_are_hashed_anew_when_they_change(tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    (tmp_path / "a.json").write_text("[1]")
    (tmp_path / "b.json").write_text("[1]")
    a, b = (digests.known(Leaf(kind=LeafKind.FILES, location=str(tmp_path / name))) for name in ("a.json", "b.json"))
    assert a == b
    (tmp_path / "a.json").write_text("[1, 2]")
    assert digests.known(Leaf(kind=LeafKind.FILES, location=str(tmp_path / "a.json"))) != a


def test_a_large_leaf_is_hashed_later_and_then_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr("cftray.store.leaves.INLINE_BYTES", 2)
    digests = LeafDigests(tmp_path / "leaves")
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    leaf = Leaf(kind=LeafKind.FILES, location=str(tmp_path / "a.json"))
    assert digests.known(leaf) is None
    assert digests.make(leaf) == digests.known(leaf)


def test_a_model_counts_by_its_files_and_not_by_what_lies_beside(tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"w")
    leaf = Leaf(kind=LeafKind.MODEL, location=str(model))
    before = digests.known(leaf)
    (model / "notes.md").write_text("hello")
    assert digests.known(leaf) == before
    (model / "model.safetensors").write_bytes(b"v")
    assert digests.make(leaf) != before


def test_missing_leaves_are_refused_with_what_to_do(tmp_path):
    digests = LeafDigests(tmp_path / "leaves")
    with pytest.raises(DataError, match="no such file"):
        digests.known(Leaf(kind=LeafKind.FILES, location=str(tmp_path / "none.json")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no config\.json"):
        digests.known(Leaf(kind=LeafKind.MODEL, location=str(tmp_path / "empty")))
    fault = leaf_fault("base.model", Leaf(kind=LeafKind.MODEL, location="./nowhere/at-all"))
    assert fault.path == "base.model"
    assert fault.given == "./nowhere/at-all"
