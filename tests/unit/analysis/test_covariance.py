"""The norms from n×n matrices are those of the d×d ones."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.covariance import SEED, covariance_norm, difference, interval, total_variance
from cftray.errors import DataError


def pair(n, d, gap=1.0):
    drawn = np.random.default_rng(n * 100 + d)
    first = drawn.normal(size=(n, d)) * np.arange(1, d + 1)
    return first, first + gap * drawn.normal(size=(n, d))


def direct(first, second):
    return np.cov(first, rowvar=False) - np.cov(second, rowvar=False)


@pytest.mark.parametrize(("n", "d"), [(5, 3), (3, 8), (12, 12), (2, 4)])
def test_difference_is_that_of_the_large_matrices(n, d):
    first, second = pair(n, d)
    found, wanted = difference(first, second), direct(first, second)
    assert found.frobenius == pytest.approx(np.linalg.norm(wanted), rel=1e-10)
    assert found.spectral == pytest.approx(np.linalg.norm(wanted, 2), rel=1e-8)
    assert found.relative == pytest.approx(np.linalg.norm(wanted) / np.linalg.norm(np.cov(first, rowvar=False)))


def test_norm_and_variance_of_one_set():
    first, _ = pair(6, 4)
    wanted = np.cov(first, rowvar=False)
    assert covariance_norm(first) == pytest.approx(np.linalg.norm(wanted), rel=1e-12)
    assert total_variance(first) == pytest.approx(np.trace(wanted), rel=1e-12)


def test_hand_computed():
    first, second = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[0.0, 3.0], [0.0, -3.0]])
    found = difference(first, second)  # the covariances are diag(2, 0) and diag(0, 18)
    assert found.frobenius == pytest.approx(np.hypot(2, 18))
    assert found.spectral == pytest.approx(18.0)
    assert found.relative == pytest.approx(np.hypot(2, 18) / 2)


def test_what_is_nearly_alike_keeps_its_digits():
    """The textbook form would give rounding noise here: its squares agree in more digits than a double has."""
    first, second = pair(6, 5, gap=1e-11)
    gap, total = second - first, second + first
    gap, total = gap - gap.mean(axis=0), total - total.mean(axis=0)
    exact = np.linalg.norm(total.T @ gap + gap.T @ total) / (2 * 5)
    found = difference(first, second)
    assert found.frobenius == pytest.approx(exact, rel=1e-6)
    assert found.spectral == pytest.approx(np.linalg.norm(total.T @ gap + gap.T @ total, 2) / 10, rel=1e-6)


def test_equal_sets_do_not_differ():
    first, _ = pair(5, 7)
    found = difference(first, first.copy())
    assert (found.frobenius, found.spectral, found.relative) == (0.0, 0.0, 0.0)
    constant = np.ones((4, 3))
    assert difference(constant, constant).relative is None


def test_the_interval_is_that_of_drawing_observations_anew():
    first, second = pair(7, 3)
    times = np.random.default_rng(SEED).multinomial(7, np.full(7, 1 / 7), size=60)
    places = [np.repeat(np.arange(7), one) for one in times]
    norms = [np.linalg.norm(direct(first[one], second[one])) for one in places]
    found = interval(first, second, bootstraps=60)
    low, high = np.quantile(norms, [0.025, 0.975]) - np.mean(norms)
    measured = np.linalg.norm(direct(first, second))
    assert (found.low, found.high) == pytest.approx((max(0, measured - high), measured - low), rel=1e-9)


def test_what_is_measured_lies_in_its_interval_where_the_draws_are_all_larger():
    """Two models that differ by noise alone: drawing prompts anew makes the noise look larger."""
    drawn = np.random.default_rng(3)
    first = drawn.normal(size=(40, 400))
    second = first + 1e-3 * drawn.normal(size=(40, 400))
    measured, found = difference(first, second).frobenius, interval(first, second)
    assert 0 <= found.low < measured < found.high


def test_sets_that_do_not_fit_are_refused():
    first, second = pair(5, 3)
    with pytest.raises(DataError, match=r"\(5, 3\) and \(5, 2\) can't be compared"):
        difference(first, second[:, :2])
    with pytest.raises(DataError, match="single observation"):
        difference(first[:1], second[:1])
    with pytest.raises(DataError, match="single observation"):
        total_variance(first[:1])
