from __future__ import annotations

import hashlib
import tracemalloc

import numpy as np
import pytest

from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.errors import DataError


def write(folder, samples, **meta):
    writer = TokenizedWriter(folder)
    for tokens, supervised, language in samples:
        writer.add(tokens, supervised, language)
    writer.close(**meta)


SAMPLES = [([5, 6, 7], [0, 1, 1], "en"), ([8, 9], [0, 1], "de"), ([1, 2, 3, 4], [0, 0, 0, 1], "en")]


def test_samples_come_back_as_written(tmp_path):
    write(tmp_path / "data", SAMPLES, template_text="t")
    data = TokenizedData.open(tmp_path / "data")
    assert len(data) == 3
    assert [data.tokens(i).tolist() for i in range(3)] == [tokens for tokens, _, _ in SAMPLES]
    assert [data.supervised(i).tolist() for i in range(3)] == [marks for _, marks, _ in SAMPLES]
    assert data.lengths().tolist() == [3, 2, 4]
    assert data.supervised_counts().tolist() == [2, 1, 1]
    assert data.meta["template_text"] == "t"


def test_files_are_plain_npy(tmp_path):
    write(tmp_path / "data", SAMPLES)
    assert np.load(tmp_path / "data" / "tokens.npy").dtype == np.int32
    assert np.load(tmp_path / "data" / "supervised.npy").sum() == 4


def test_composition_counts_by_language(tmp_path):
    write(tmp_path / "data", SAMPLES)
    assert TokenizedData.open(tmp_path / "data").composition() == {
        "en": {"samples": 2, "tokens": 7, "supervised_tokens": 3},
        "de": {"samples": 1, "tokens": 2, "supervised_tokens": 1},
    }


def test_first_token_of_a_sample_is_never_a_target(tmp_path):
    write(tmp_path / "data", [([1, 2], [1, 1], "en")])
    assert TokenizedData.open(tmp_path / "data").supervised_counts().tolist() == [1]


def test_unfinished_folder_is_refused(tmp_path):
    TokenizedWriter(tmp_path / "data").add([1, 2], [0, 1], "en")
    with pytest.raises(DataError, match="no finished tokenised data"):
        TokenizedData.open(tmp_path / "data")


@pytest.mark.parametrize(("tokens", "marks"), [([], []), ([1, 2], [1])])
def test_lopsided_sample_is_refused(tmp_path, tokens, marks):
    with pytest.raises(DataError, match="sample 0"):
        TokenizedWriter(tmp_path / "data").add(tokens, marks, "en")


def test_empty_data_set_opens_with_nothing_in_it(tmp_path):
    write(tmp_path / "data", [])
    data = TokenizedData.open(tmp_path / "data")
    assert len(data) == 0
    assert data.supervised_counts().sum() == 0


def test_digest_follows_content(tmp_path):
    write(tmp_path / "a", SAMPLES)
    write(tmp_path / "b", SAMPLES)
    write(tmp_path / "c", SAMPLES[:2])
    digests = [TokenizedData.open(tmp_path / name).digest for name in "abc"]
    assert digests[0] == digests[1] != digests[2]


def test_samples_written_together_are_byte_for_byte_those_written_one_by_one(tmp_path):
    write(tmp_path / "one", SAMPLES)
    writer = TokenizedWriter(tmp_path / "together")
    tokens, marks = ([value for sample in SAMPLES for value in sample[column]] for column in (0, 1))
    writer.extend(tokens, marks, [3, 2, 4], ["en", "de", "en"])
    writer.close()
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "together" / path.name).read_bytes(), path.name


def test_the_digest_is_over_the_samples_in_turn_then_the_offsets(tmp_path):
    write(tmp_path / "data", [([5, 6], [0, 1], "en"), ([7], [0], "en")])
    turn = b"".join(np.asarray(part, kind).tobytes() for part, kind in (
        ([5, 6], "<i4"), ([0, 1], "u1"), ([7], "<i4"), ([0], "u1"), ([0, 2, 3], "<i8")))  # fmt: skip
    assert TokenizedData.open(tmp_path / "data").digest == hashlib.sha256(turn).hexdigest()


def test_a_stretch_of_samples_is_what_a_writer_takes(tmp_path):
    write(tmp_path / "data", SAMPLES)
    data = TokenizedData.open(tmp_path / "data")
    writer = TokenizedWriter(tmp_path / "copy")
    writer.extend(*data.samples(0, 2))
    writer.extend(*data.samples(2, 3))
    writer.close()
    copy = TokenizedData.open(tmp_path / "copy")
    assert copy.digest == data.digest
    assert [copy.language(sample) for sample in range(3)] == ["en", "de", "en"]


@pytest.mark.parametrize("lengths", [[2, 0], [1, 2], [2]])
def test_lopsided_samples_together_are_refused(tmp_path, lengths):
    with pytest.raises(DataError, match="a sample needs at least one token"):
        TokenizedWriter(tmp_path / "data").extend([1, 2], [0, 1], lengths, ["en", "en"])


def test_a_large_set_opens_and_is_counted_in_memory_that_does_not_grow_with_its_tokens(tmp_path):
    count, length = 100_000, 20
    writer = TokenizedWriter(tmp_path / "data")
    writer.extend(np.arange(count * length), np.ones(count * length), np.full(count, length), ["en"] * count)
    writer.close()
    tracemalloc.start()
    try:
        data = TokenizedData.open(tmp_path / "data")
        opened = tracemalloc.get_traced_memory()[1]
        counts = data.supervised_counts()
        counted = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert opened < 100_000
    assert counted < 8 * count + 2_000_000
    assert counts.tolist() == [length - 1] * count


@pytest.mark.parametrize("name", ["tokens.npy", "supervised.npy", "offsets.npy", "languages.npy"])
def test_a_file_of_another_length_than_meta_says_is_refused(tmp_path, name):
    write(tmp_path / "data", SAMPLES)
    write(tmp_path / "shorter", SAMPLES[:2])
    (tmp_path / "data" / name).write_bytes((tmp_path / "shorter" / name).read_bytes())
    with pytest.raises(DataError, match=name):
        TokenizedData.open(tmp_path / "data")
