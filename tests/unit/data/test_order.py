from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cftray.data.order import PackedSteps, Steps, permutation


@given(some.integers(1, 40), some.integers(1, 4), some.integers(1, 50), some.integers(0, 2**32))
def test_every_epoch_takes_every_sample_once(samples, epochs, batch, seed):
    steps = Steps(samples, epochs, batch, seed)
    stream = np.concatenate([steps[k] for k in range(len(steps))])
    assert len(stream) == samples * epochs
    for epoch in range(epochs):
        part = stream[epoch * samples : (epoch + 1) * samples]
        assert sorted(part.tolist()) == list(range(samples))


@given(some.integers(1, 40), some.integers(1, 4), some.integers(1, 50))
def test_only_the_last_step_may_be_short(samples, epochs, batch):
    steps = Steps(samples, epochs, batch, 0)
    sizes = [len(steps[k]) for k in range(len(steps))]
    assert all(size == batch for size in sizes[:-1])
    assert 1 <= sizes[-1] <= batch


def test_a_step_is_the_same_whenever_it_is_asked_for():
    forward, jumping = Steps(10, 5, 4, 3), Steps(10, 5, 4, 3)
    wanted = [forward[k].tolist() for k in range(len(forward))]
    for step in (12, 0, 7, 3, 7, 11):
        assert jumping[step].tolist() == wanted[step]


def test_epochs_and_seeds_differ():
    assert permutation(50, 1, 0).tolist() != permutation(50, 1, 1).tolist()
    assert permutation(50, 1, 0).tolist() != permutation(50, 2, 0).tolist()


def test_order_is_the_published_one():
    assert permutation(8, 17, 0).tolist() == [6, 0, 4, 5, 3, 2, 7, 1]


def test_steps_end():
    with pytest.raises(IndexError):
        Steps(4, 1, 2, 0)[2]


@given(some.lists(some.integers(1, 20), min_size=1, max_size=40), some.integers(1, 3), some.integers(1, 5))
def test_packs_hold_what_fits_and_no_less(lengths, epochs, batch):
    lengths = np.asarray(lengths)
    packs = PackedSteps(lengths, epochs, 1, 16, 5)
    parts = [packs[k] for k in range(len(packs))]
    plain = Steps(len(lengths), epochs, len(lengths), 5)
    assert np.concatenate(parts).tolist() == np.concatenate([plain[k] for k in range(len(plain))]).tolist()
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        held = lengths[part].sum()
        assert held <= 16 or len(part) == 1
        if after is not None:
            assert held + lengths[after[0]] > 16
    steps = PackedSteps(lengths, epochs, batch, 16, 5)
    assert len(steps) == -(-len(parts) // batch)
    assert steps[0].tolist() == np.concatenate(parts[:batch]).tolist()
