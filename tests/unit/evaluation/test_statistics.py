"""Paired statistics against figures worked out by hand and against known distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cftray.data.statistics import PairedTasks, Verdict, agree, holm, spread, verdict, weighted_stderr


def test_the_difference_and_its_error_are_those_of_the_formula() -> None:
    found = PairedTasks({"t": np.array([1.0, 0.0, 0.0, 1.0, -1.0, 1.0, 0.0, 0.0])}).difference({"t": 1.0})
    # mean 2/8; sum of squares 4, so s² = (4 - 8 / 16) / 7 = 0.5 and se = sqrt(0.5 / 8)
    assert found.difference == pytest.approx(0.25)
    assert found.stderr == pytest.approx(0.25)
    assert found.n == 8


def test_p_is_the_share_of_sign_patterns_at_least_as_far_out() -> None:
    # Of 16 patterns of four equal differences, ++++ and ---- reach the mean that was seen: p = 1/8.
    found = PairedTasks({"t": np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])}).difference({"t": 1.0})
    assert found.p_value == pytest.approx(1 / 8, abs=0.015)


def test_equal_models_differ_by_nothing() -> None:
    found = PairedTasks({"t": np.zeros(10)}).difference({"t": 1.0})
    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_a_mean_over_tasks_weighs_tasks_not_items() -> None:
    values = {"small": np.array([1.0, 1.0, 0.0, 0.0]), "large": np.concatenate([np.ones(20), np.zeros(180)])}
    found = PairedTasks(values).difference({"small": 0.5, "large": 0.5})
    assert found.difference == pytest.approx(0.3)
    errors = [float(one.std(ddof=1)) / math.sqrt(len(one)) for one in values.values()]
    assert found.stderr == pytest.approx(math.hypot(*errors) / 2)


def test_the_interval_is_about_two_standard_errors_each_way() -> None:
    values = np.random.default_rng(3).normal(0.1, 1.0, 600)
    for sample in (values, np.tile(values, 2)):
        found = PairedTasks({"t": sample}).difference({"t": 1.0})
        assert found.stderr is not None
        assert found.high - found.low == pytest.approx(2 * 1.96 * found.stderr, rel=0.1)
        assert found.low < found.difference < found.high


def test_no_difference_is_called_one_at_about_the_nominal_rate() -> None:
    random = np.random.default_rng(5)
    called = covered = 0
    for _ in range(200):
        first, second = random.random((2, 60)) < 0.6
        found = PairedTasks({"t": second.astype(float) - first}).difference({"t": 1.0})
        called += found.p_value < 0.05
        covered += found.low <= 0 <= found.high
    assert called <= 20
    assert 178 <= covered <= 199


def test_a_true_difference_is_found() -> None:
    random = np.random.default_rng(6)
    first, second = random.random(200) < 0.7, random.random(200) < 0.4
    found = PairedTasks({"t": second.astype(float) - first}).difference({"t": 1.0})
    assert verdict(found.difference, 9 * found.p_value, replicas_agree=True) is Verdict.FALLS


def test_the_same_items_give_the_same_figures_whatever_stands_beside_them() -> None:
    values = np.random.default_rng(7).normal(size=50)
    alone = PairedTasks({"t": values}).difference({"t": 1.0})
    paired = PairedTasks({"other": np.ones(9), "t": values})
    paired.difference({"other": 1.0})
    assert paired.difference({"t": 1.0}) == alone


def test_holm_as_worked_by_hand() -> None:
    # ascending 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1, never falling
    adjusted = holm({"d": 0.04, "a": 0.01, "c": 0.03, "b": 0.02})
    assert adjusted == pytest.approx({"a": 0.04, "b": 0.06, "c": 0.06, "d": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(
    ("difference", "p", "replicas", "expected"),
    [
        (0.1, 0.01, [0.1], Verdict.RISES),
        (-0.1, 0.01, [-0.2, -0.0001], Verdict.FALLS),
        (-0.1, 0.05, [-0.1], Verdict.NOISE),
        (-0.1, 0.01, [-0.3, 0.1], Verdict.NOISE),
        (0.0, 0.01, [0.0], Verdict.NOISE),
    ],
)
def test_verdicts(difference: float, p: float, replicas: list[float], expected: Verdict) -> None:
    assert verdict(difference, p, replicas_agree=agree(difference, replicas)) is expected


def test_spread_is_the_sample_standard_deviation() -> None:
    assert spread([0.1, 0.3]) == pytest.approx(math.sqrt(0.02))
    assert spread([0.1]) is None


def test_one_item_has_no_standard_error() -> None:
    assert weighted_stderr([(1.0, np.array([1.0]))]) is None
