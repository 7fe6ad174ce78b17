"""Which rows stand for a set, and that a set is embedded once."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from cftray.analysis.des_sets import compare_sets, draw_sets
from cftray.analysis.embedding import Encoded
from cftray.analysis.samples import draw, text_of
from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.errors import DataError, ModelError
from cftray.plan.analysis_stages import DesConfig

CONFIG = DesConfig(samples=6, seed=1)


class Letters:
    """Embeds a text by its letters; `digest` is its name."""

    def __init__(self, digest="letters", value=0.0):
        self.digest, self.value = digest, value

    def encode(self, texts, done=lambda count: None):
        done(len(texts))
        vectors = np.array([[text.count(letter) + self.value for letter in "abcdefgh"] for text in texts], np.float32)
        return Encoded(vectors=vectors, truncated=sum(len(text) > 20 for text in texts))


class Spent(Letters):
    """May not be asked again."""

    def encode(self, texts, done=lambda count: None):
        raise AssertionError(f"asked to embed {len(texts)} texts")


@pytest.fixture
def sets(tmp_path):
    """Four files of rows of their own words."""

    def write(name, count=30):
        drawn = np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
        words = ["".join(drawn.choice(list("abcdefgh"), size=12)) for _ in range(count)]
        path = tmp_path / f"{name}.jsonl"
        write_rows(path, [Row(id=f"{name}{place}", instruction=word, output="a", language="de" if place % 3 else "en")
                          for place, word in enumerate(words)])  # fmt: skip
        return path

    return {name: write(name) for name in ("one", "other", "third")} | {"few": write("few", count=4)}


def drawn(path, **changes):
    return draw(path, **{"name": "one", "samples": 6, "seed": 1, "text": "rendered"} | changes)


def test_the_draw_follows_from_seed_and_content(sets, tmp_path):
    copy = tmp_path / "elsewhere" / "rows.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(sets["one"].read_bytes())
    assert drawn(sets["one"]) == drawn(copy.parent, name="another name")
    assert drawn(sets["one"], seed=2).texts != drawn(sets["one"]).texts
    assert len(set(drawn(sets["one"]).texts)) == 6


def test_parallel_sets_are_drawn_at_other_places(tmp_path):
    rows = [Row(id=str(place), instruction=str(place), output="") for place in range(200)]
    write_rows(tmp_path / "a.jsonl", rows)
    write_rows(tmp_path / "b.jsonl", [replace(row, output=" ") for row in rows])
    one, other = (drawn(tmp_path / f"{name}.jsonl", samples=20, text="instruction").texts for name in "ab")
    assert one != other


def test_fewer_rows_than_samples_are_refused(sets):
    with pytest.raises(DataError, match=r"few: 6 samples asked for, 4 rows are there; ask for at most 4"):
        draw_sets({"one": sets["one"], "few": sets["few"]}, "e", CONFIG)


def test_a_place_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"one: .* holds no rows; expected a file of rows, or a folder with rows.jsonl"):
        drawn(tmp_path)


def test_what_of_a_row_is_embedded():
    row = Row(id="1", system="Be brief.", instruction="Add.", input="1 + 1", output="2")
    assert text_of(row, "rendered") == "Be brief.\nAdd.\n1 + 1\n2"
    assert text_of(replace(row, system="", input=""), "rendered") == "Add.\n2"
    assert text_of(row, "instruction") == "Add."


def test_a_set_is_embedded_once_for_all_its_pairs(sets, tmp_path):
    two = {"one": sets["one"], "other": sets["other"]}
    first = compare_sets(two, Letters(), CONFIG, tmp_path / "cache")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert compare_sets(two, Spent(), CONFIG, tmp_path / "cache") == first
    three = compare_sets(two | {"third": sets["third"]}, Letters(), CONFIG, tmp_path / "cache")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert three.pairs[0] == first.pairs[0]


def test_sets_of_one_content_share_their_vectors(sets, tmp_path):
    found = compare_sets({"one": sets["one"], "same": sets["one"]}, Letters(), CONFIG, tmp_path / "cache")
    assert found.matrix() == [[1, 1], [1, 1]]
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 1


@pytest.mark.parametrize("change", [{"seed": 2}, {"samples": 7}, {"text": "instruction"}, "encoder", "rows"])
def test_what_changes_the_vectors_embeds_anew(sets, tmp_path, change):
    two = {"one": sets["one"], "other": sets["other"]}
    compare_sets(two, Letters(), CONFIG, tmp_path / "cache")
    encoder = Spent("other letters" if change == "encoder" else "letters")
    if change == "rows":
        sets["one"].write_text(sets["one"].read_text() + sets["few"].read_text())
    config = CONFIG.model_copy(update=change) if isinstance(change, dict) else CONFIG
    with pytest.raises(AssertionError, match="asked to embed"):
        compare_sets(two, encoder, config, tmp_path / "cache")


def test_truncated_texts_are_counted(sets, tmp_path):
    path = tmp_path / "long.jsonl"
    write_rows(path, [Row(id=str(place), instruction="a" * (18 + place), output="b") for place in range(6)])
    found = compare_sets({"one": sets["one"], "long": path}, Letters(), CONFIG, tmp_path / "cache")
    assert (found.sets["one"].truncated_share, found.sets["long"].truncated_share) == (0.0, 5 / 6)


def test_vectors_that_are_not_finite_are_refused(sets, tmp_path):
    two = {"one": sets["one"], "other": sets["other"]}
    with pytest.raises(ModelError, match="the encoder gave vectors that are not finite"):
        compare_sets(two, Letters(value=np.nan), CONFIG, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.json"))
