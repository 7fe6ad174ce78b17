"""The same picture every time, and perplexities that fit."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.tsne import embed, perplexity_for
from cftray.errors import DataError
from cftray.spec.analysis import TsneSettings

QUICK = TsneSettings(iterations=250)


def two_clusters():
    drawn = np.random.default_rng(4)
    return np.concatenate([drawn.normal(size=(8, 5)), drawn.normal(size=(8, 5)) + 30])


def test_the_same_points_get_the_same_places():
    assert np.array_equal(embed(two_clusters(), QUICK), embed(two_clusters(), QUICK))


def test_a_point_s_neighbours_are_of_its_own_cluster():
    places = embed(two_clusters(), TsneSettings(perplexity=4.0))
    assert places.shape == (16, 2)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + np.diag([np.inf] * 16)
    assert (distances.argmin(axis=1) // 8).tolist() == [0] * 8 + [1] * 8


def test_perplexity_is_bounded_by_the_points():
    assert perplexity_for(200, 30) == 30
    assert perplexity_for(16, 30) == 5
    assert len(embed(two_clusters()[:4], QUICK)) == 4


def test_too_few_or_equal_points_are_refused():
    with pytest.raises(DataError, match="at least 4 points and got 3"):
        embed(two_clusters()[:3], QUICK)
    with pytest.raises(DataError, match="all 6 points are the same"):
        embed(np.ones((6, 3)), QUICK)
