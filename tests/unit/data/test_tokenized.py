from __future__ import annotations

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
