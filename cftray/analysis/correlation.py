"""Do two columns of a matrix go together? Pearson's and Spearman's coefficient with bootstrap intervals.

Intervals are percentile bootstrap over points (Efron and Tibshirani, An Introduction to the Bootstrap, 1993,
ch. 13). With as few points as a matrix has cells they are rough and tend to be short: they are withheld under
`LEAST_FOR_INTERVAL` points, and n stands beside every coefficient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cftray.errors import DataError

LEAST = 3
LEAST_FOR_INTERVAL = 6
BOOTSTRAPS = 4000
LEVEL = 0.05
SEED = 20240917


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A correlation; `low` and `high` bound the 95 % interval, null where there are too few points for one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """Of `n` points; both are null under three of them, or where one column does not vary."""

    n: int
    pearson: Coefficient | None
    spearman: Coefficient | None


def correlate(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Points (x[i], y[i]). Seeded. Raises DataError where they are not as many, or some are not finite."""
    across, up = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if across.shape != up.shape or not (np.isfinite(across).all() and np.isfinite(up).all()):
        raise DataError(
            f"{len(across)} and {len(up)} values can't be correlated; expected two finite numbers for each point"
        )
    n = len(across)
    if n < LEAST or np.ptp(across) == 0 or np.ptp(up) == 0:
        return Correlation(n=n, pearson=None, spearman=None)
    drawn = _drawn(across, up) if n >= LEAST_FOR_INTERVAL else None
    return Correlation(
        n=n,
        pearson=_coefficient(across[None], up[None], drawn),
        spearman=_coefficient(
            ranks(across[None]), ranks(up[None]), None if drawn is None else (ranks(drawn[0]), ranks(drawn[1]))
        ),
    )


def ranks(values: np.ndarray) -> np.ndarray:
    """Of each row [rows, n], from 1; what is equal shares the mean of its ranks."""
    below = (values[:, :, None] > values[:, None, :]).sum(axis=2)
    alike = (values[:, :, None] == values[:, None, :]).sum(axis=2)
    return below + (alike + 1) / 2


def _drawn(across: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points drawn anew [draws, n], those draws left out in which a column does not vary."""
    chosen = np.random.default_rng(SEED).integers(len(across), size=(BOOTSTRAPS, len(across)))
    x, y = across[chosen], up[chosen]
    varied = (np.ptp(x, axis=1) > 0) & (np.ptp(y, axis=1) > 0)
    return x[varied], y[varied]


def _coefficient(x: np.ndarray, y: np.ndarray, drawn: tuple[np.ndarray, np.ndarray] | None) -> Coefficient:
    value = float(_pearson(x, y)[0])
    if drawn is None:
        return Coefficient(value=value, low=None, high=None)
    low, high = np.quantile(_pearson(*drawn), [LEVEL / 2, 1 - LEVEL / 2])
    return Coefficient(value=value, low=float(low), high=float(high))


def _pearson(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each row."""
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    found: np.ndarray = (x * y).sum(axis=1) / np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    return np.clip(found, -1.0, 1.0)
