"""A win rate at equal length: what a model would win if its answers were as long as the reference's.

With outcome yᵢ (1 won, 0.5 drawn, 0 lost) and dᵢ, the characters that the model's answer has more than the
reference's, xᵢ = dᵢ / s, where s is the sample standard deviation of d (not centred: x = 0 is equal length).
(a, b) maximise

    Σᵢ [yᵢ log pᵢ + (1 − yᵢ) log(1 − pᵢ)] − ½ λ b²,    pᵢ = σ(a + b xᵢ),    λ = 1

and the rate is σ(a). λ is a weak pull of the slope towards 0, a normal prior of variance 1, without which an
outcome that length decides alone has no finite slope; the intercept is free. It is a logistic regression with
fractional outcomes (Papke and Wooldridge, Econometric methods for fractional response variables, 1996), fitted
by Newton's method. This is not AlpacaEval 2's length-controlled rate, which has a term for each instruction,
fitted over many models against another baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

FEWEST: Final = 50
"""With fewer items nothing is fitted."""
RIDGE: Final = 1.0
STEPS: Final = 50
TOLERANCE: Final = 1e-9
"""Of a step of Newton's, and of the objective's rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFit:
    """`rate` at equal length; `slope` b a standard deviation, which is `scale` characters."""

    rate: float
    slope: float
    scale: float


def fit_length(scores: Sequence[float], extra_lengths: Sequence[int]) -> LengthFit | None:
    """The fit; None where there are under 50 items, where all are won or all lost (no finite intercept), where they
    say nothing of equal lengths (one difference for all, and not 0), or where it does not converge."""
    outcomes, lengths = np.asarray(scores, dtype=float), np.asarray(extra_lengths, dtype=float)
    if len(outcomes) < FEWEST or outcomes.sum() in (0.0, len(outcomes)):
        return None
    scale = float(lengths.std(ddof=1))
    if scale == 0.0 and lengths[0] != 0.0:
        return None
    found = _newton(outcomes, lengths / (scale or 1.0))
    if found is None:
        return None
    intercept, slope = found
    return LengthFit(rate=float(_sigmoid(np.array(intercept))), slope=slope, scale=scale)


def _newton(outcomes: np.ndarray, lengths: np.ndarray) -> tuple[float, float] | None:
    """(a, b), or None without convergence."""
    features = np.stack([np.ones_like(lengths), lengths], axis=1)
    penalty = np.array([0.0, RIDGE])
    weights = np.zeros(2)
    for _ in range(STEPS):
        chances = _sigmoid(features @ weights)
        gradient = features.T @ (outcomes - chances) - penalty * weights
        curvature = (features * (chances * (1 - chances))[:, None]).T @ features + np.diag(penalty)
        try:
            step = np.linalg.solve(curvature, gradient)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(step).all():
            return None
        weights = weights + _no_worse(outcomes, features, weights, step)
        if np.abs(step).max() <= TOLERANCE:
            return float(weights[0]), float(weights[1])
    return None


def _no_worse(outcomes: np.ndarray, features: np.ndarray, weights: np.ndarray, step: np.ndarray) -> np.ndarray:
    """The step, halved until it makes nothing worse."""
    least = _objective(outcomes, features, weights) - TOLERANCE
    while np.abs(step).max() > TOLERANCE and _objective(outcomes, features, weights + step) < least:
        step = step / 2
    return step


def _objective(outcomes: np.ndarray, features: np.ndarray, weights: np.ndarray) -> float:
    """The penalised log likelihood; log p = z − log(1 + eᶻ), log(1 − p) = −log(1 + eᶻ)."""
    logits = features @ weights
    return float((outcomes * logits - np.logaddexp(0, logits)).sum() - 0.5 * RIDGE * weights[1] ** 2)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0, -logits))
