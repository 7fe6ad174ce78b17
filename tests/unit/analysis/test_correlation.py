"""Pearson and Spearman with intervals, or with none where there are too few points."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.correlation import correlate, ranks
from cftray.errors import DataError


def test_against_hand_computed_values():
    found = correlate([1, 2, 3, 4, 5], [2, 1, 4, 3, 100])
    assert found.n == 5
    assert found.pearson.value == pytest.approx(np.corrcoef([1, 2, 3, 4, 5], [2, 1, 4, 3, 100])[0, 1])
    assert found.spearman.value == pytest.approx(0.8)  # 1 − 6 · 4 / (5 · 24)


def test_ties_share_their_ranks():
    assert ranks(np.array([[3.0, 1.0, 3.0, 2.0]])).tolist() == [[3.5, 1.0, 3.5, 2.0]]


def test_an_interval_holds_the_coefficient_and_is_the_same_every_time():
    drawn = np.random.default_rng(2)
    x = drawn.normal(size=12)
    y = x + 0.5 * drawn.normal(size=12)
    found = correlate(x, y)
    assert found.pearson.low < found.pearson.value < found.pearson.high <= 1
    assert found.spearman.low < found.spearman.value < found.spearman.high <= 1
    assert found == correlate(x, y)


def test_few_points_have_no_interval_and_fewer_no_correlation():
    assert correlate([1, 2, 3, 4], [1, 3, 2, 4]).pearson.low is None
    assert correlate([1, 2], [1, 2]).pearson is None
    assert correlate([1, 1, 1, 1], [1, 2, 3, 4]).spearman is None


def test_what_is_no_number_is_refused():
    with pytest.raises(DataError, match="two finite numbers"):
        correlate([1, 2, float("nan")], [1, 2, 3])
    with pytest.raises(DataError, match="3 and 2 values"):
        correlate([1, 2, 3], [1, 2])
