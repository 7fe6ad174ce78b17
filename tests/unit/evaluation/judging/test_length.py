"""The rate at equal length: the maximum of what the module's docstring says, and absent where there is none."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from cftray.evaluation.judging.length import fit_length


def objective(scores: list[float], lengths: list[float], a: float, b: float) -> float:
    """As documented, written out."""
    total = -0.5 * b * b
    for y, x in zip(scores, lengths, strict=True):
        p = 1 / (1 + math.exp(-(a + b * x)))
        total += y * math.log(p) + (1 - y) * math.log(1 - p)
    return total


def brute_force(scores: list[float], lengths: list[float]) -> tuple[float, float]:
    """The best point of a grid that is drawn finer around the best one so far."""
    best, width = (0.0, 0.0), 4.0
    while width > 1e-7:
        grid = [(best[0] + width * i / 4, best[1] + width * j / 4) for i in range(-4, 5) for j in range(-4, 5)]
        best = max(grid, key=lambda point: objective(scores, lengths, *point))
        width *= 0.6
    return best


@pytest.mark.parametrize("seed", range(4))
def test_the_fit_is_the_maximum_of_the_documented_likelihood(seed: int) -> None:
    drawn = random.Random(seed)
    lengths = [drawn.randint(-400, 600) for _ in range(80)]
    scores = [drawn.choice([0.0, 0.5, 1.0, float(extra > 100)]) for extra in lengths]
    scale = statistics.stdev(lengths)
    intercept, slope = brute_force(scores, [extra / scale for extra in lengths])
    fit = fit_length(scores, lengths)
    assert fit is not None
    assert fit.rate == pytest.approx(1 / (1 + math.exp(-intercept)), abs=1e-6)
    assert fit.slope == pytest.approx(slope, abs=1e-5)
    assert fit.scale == pytest.approx(scale)


def test_two_groups_of_one_length_each_are_solved_by_hand() -> None:
    """40 longer answers win 3 in 4, 40 shorter ones 1 in 4: by symmetry the rate at equal length is a half."""
    lengths = [100] * 40 + [-100] * 40
    scores = [1.0] * 30 + [0.0] * 10 + [1.0] * 10 + [0.0] * 30
    fit = fit_length(scores, lengths)
    assert fit is not None
    assert fit.rate == pytest.approx(0.5, abs=1e-9)
    assert fit.slope > 0.8


def test_a_model_that_wins_by_length_alone_wins_less_at_equal_length() -> None:
    lengths = [10 * n for n in range(-20, 80)]
    scores = [float(extra > 0) for extra in lengths]
    fit = fit_length(scores, lengths)
    assert fit is not None
    assert statistics.mean(scores) == 0.79
    assert fit.rate < 0.6


def test_without_a_difference_in_length_the_rate_is_the_win_rate() -> None:
    fit = fit_length([1.0] * 30 + [0.0] * 60 + [0.5] * 10, [0] * 100)
    assert fit is not None
    assert fit.rate == pytest.approx(0.35, abs=1e-9)


def test_draws_alone_give_a_half() -> None:
    fit = fit_length([0.5] * 60, list(range(60)))
    assert fit is not None
    assert fit.rate == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize(
    ("scores", "lengths"),
    [
        ([1.0, 0.0] * 24 + [1.0], list(range(49))),
        ([1.0] * 60, list(range(60))),
        ([0.0] * 60, list(range(60))),
        ([1.0, 0.0] * 30, [7] * 60),
    ],
    ids=["too few", "always won", "always lost", "always as much longer"],
)
def test_where_nothing_can_be_said_nothing_is(scores: list[float], lengths: list[int]) -> None:
    assert fit_length(scores, lengths) is None
