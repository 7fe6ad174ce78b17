from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cftray.data.packing import lay, micro_batches, portions, split_over_ranks
from cftray.data.tokenized import TokenizedData, TokenizedWriter


@pytest.fixture
def data(tmp_path):
    writer = TokenizedWriter(tmp_path / "data")
    writer.add([10, 11, 12], [0, 1, 1], "en")
    writer.add([20, 21], [1, 1], "en")
    writer.add([30, 31, 32, 33], [0, 0, 1, 0], "en")
    writer.close()
    return TokenizedData.open(tmp_path / "data")


def test_targets_never_cross_into_the_next_sample(data):
    batch = lay(data, [0, 1, 2])
    assert batch.input_ids.tolist() == [10, 11, 12, 20, 21, 30, 31, 32, 33]
    assert batch.position_ids.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 3]
    assert batch.boundaries.tolist() == [0, 3, 5, 9]
    assert batch.positions.tolist() == [0, 1, 3, 6]
    assert batch.targets.tolist() == [11, 12, 21, 32]


some_lengths = some.lists(some.integers(1, 60), min_size=1, max_size=30)


@given(some_lengths, some.integers(1, 5))
def test_split_loses_nothing_and_balances_tokens(lengths, ranks):
    lengths = np.asarray(lengths)
    shares = split_over_ranks(np.arange(len(lengths)), lengths, ranks)
    assert sorted(np.concatenate(shares).tolist()) == list(range(len(lengths)))
    loads = [lengths[share].sum() for share in shares]
    assert max(loads) - min(loads) <= lengths.max()


@given(some_lengths, some.integers(1, 50))
def test_portions_keep_the_bound_unless_a_sample_alone_passes_it(lengths, bound):
    lengths = np.asarray(lengths)
    parts = portions(np.arange(len(lengths)), lengths, bound)
    assert [sample for part in parts for sample in part] == list(range(len(lengths)))
    assert all(lengths[part].sum() <= bound or len(part) == 1 for part in parts)


def test_ranks_have_equally_many_micro_batches_and_lose_no_sample(data):
    lengths = data.lengths()
    ranks = [
        micro_batches(data, np.asarray([0, 1, 2]), lengths, rank=rank, ranks=2, bound=4) for rank in range(2)
    ]
    assert len(ranks[0]) == len(ranks[1]) == 2
    real = [batch for batches in ranks for batch in batches if not batch.empty]
    assert sum(len(batch.input_ids) for batch in real) == 9
    assert sum(len(batch.targets) for batch in real) == data.supervised_counts().sum()


def test_a_rank_without_samples_computes_a_stand_in(data):
    (batch,) = micro_batches(data, np.asarray([1]), data.lengths(), rank=1, ranks=2, bound=100)
    assert batch.empty
    assert len(batch.targets) == 0
