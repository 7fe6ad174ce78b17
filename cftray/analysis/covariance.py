"""How much the covariances of two sets of activations differ, without a d×d matrix.

Σ = X̄ᵀX̄ / (n − 1) over n observations of d numbers, X̄ = X − μ (paper, section 3.2). With S = X̄₁ + X̄₂ and
D = X̄₁ − X̄₂

    2 (n − 1) (Σ₁ − Σ₂) = SᵀD + DᵀS,
    ‖SᵀD + DᵀS‖²_F = 2 ⟨SSᵀ, DDᵀ⟩ + 2 ⟨SDᵀ, DSᵀ⟩,

so three n×n Gram matrices are enough. The textbook form ‖Σ₁‖² + ‖Σ₂‖² − 2⟨Σ₁, Σ₂⟩ is the same number, but
subtracts what is nearly alike: two models after a short phase differ by less than it can show. The largest
eigenvalue follows from the same matrices: the nonzero ones of ZᵀKZ are those of K ZZᵀ, Z = [cS; D/c]; c brings
the two to one size, since the smaller would drown in the other's rounding.

All of it in float64. Observations are layers for a model as a whole, prompts for one of its layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cftray.errors import DataError

BOOTSTRAPS = 1000
LEVEL = 0.05
SEED = 20240917


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """‖Σ₁ − Σ₂‖: `frobenius`, which the paper's L2 norm of a matrix is read as, and `spectral`.

    `relative` is `frobenius` over ‖Σ₁‖_F, null where the first does not vary at all.
    """

    frobenius: float
    spectral: float
    relative: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % basic bootstrap interval over observations."""

    low: float
    high: float


def difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """Of two [n, d] arrays. Raises DataError where n or d differ, or n is under two."""
    first, second = _checked(first, second)
    sums, gaps, cross = _grams(first, second)
    scale = 2.0 * (len(first) - 1)
    frobenius = float(_norm(sums, gaps, cross)) / scale
    norm = covariance_norm(first)
    return Difference(
        frobenius=frobenius,
        spectral=_spectral(sums, gaps, cross) / scale,
        relative=frobenius / norm if norm > 0 else None,
    )


def covariance_norm(values: np.ndarray) -> float:
    """‖Σ‖_F of [n, d] observations."""
    centred = _centred(values)
    return float(np.linalg.norm(centred @ centred.T)) / (len(centred) - 1)


def total_variance(values: np.ndarray) -> float:
    """tr Σ of [n, d] observations: the variance in all directions together. Raises DataError for a single one."""
    if len(values) < 2:
        raise DataError("a variance over a single observation does not exist; give at least two")
    return float((_centred(values) ** 2).sum()) / (len(values) - 1)


def interval(first: np.ndarray, second: np.ndarray, *, bootstraps: int = BOOTSTRAPS) -> Interval:
    """Of the Frobenius norm, when observations are drawn anew with replacement, the same of both.

    A norm is never under zero, so those of draws lie above the measured one: their spread about their own mean is taken
    to be that of the measured one about what it estimates, as for DES. Seeded: equal arrays, equal interval.
    """
    first, second = _checked(first, second)
    sums, gaps, cross = _grams(first, second)
    n = len(first)
    times = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=bootstraps).astype(np.float64)
    squares = 2.0 * _inner(sums, gaps, times) + 2.0 * _inner(cross, cross.T, times)
    norms = np.sqrt(np.clip(squares, 0.0, None)) / (2.0 * (n - 1))
    measured = _norm(sums, gaps, cross) / (2.0 * (n - 1))
    low, high = measured - (np.quantile(norms, [1 - LEVEL / 2, LEVEL / 2]) - norms.mean())
    return Interval(low=max(0.0, float(low)), high=float(high))


def _inner(one: np.ndarray, other: np.ndarray, times: np.ndarray) -> np.ndarray:
    """⟨A, B⟩ of two Gram matrices [n, n] for each draw [draws, n], in which observation i stands `times[i]` times.

    Both are centred about the draw's own mean first, which takes their rows', columns' and whole means out:
    Σ wᵢwⱼAᵢⱼBᵢⱼ − n Σ wᵢ(rᵢᴬrᵢᴮ + cᵢᴬcᵢᴮ) + n² mᴬmᴮ.
    """
    n = len(one)
    rows = (times @ one.T) * (times @ other.T)
    columns = (times @ one) * (times @ other)
    means = ((times @ one) * times).sum(axis=1) * ((times @ other) * times).sum(axis=1)
    whole = ((times @ (one * other)) * times).sum(axis=1)
    return whole - (times * (rows + columns)).sum(axis=1) / n + means / n**2


def _grams(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """SSᵀ, DDᵀ and SDᵀ, each [n, n]."""
    one, other = _centred(first), _centred(second)
    total, gap = one + other, one - other
    return total @ total.T, gap @ gap.T, total @ gap.T


def _norm(sums: np.ndarray, gaps: np.ndarray, cross: np.ndarray) -> float:
    """‖SᵀD + DᵀS‖_F; rounding may leave a square just under zero."""
    square = 2.0 * float((sums * gaps).sum()) + 2.0 * float((cross * cross.T).sum())
    return float(np.sqrt(max(square, 0.0)))


def _spectral(sums: np.ndarray, gaps: np.ndarray, cross: np.ndarray) -> float:
    """The largest absolute eigenvalue of SᵀD + DᵀS, through the root of [S; D][S; D]ᵀ."""
    large, small = np.trace(sums), np.trace(gaps)
    if not large or not small:
        return 0.0
    ratio = float(np.sqrt(small / large))
    values, vectors = np.linalg.eigh(np.block([[sums * ratio, cross], [cross.T, gaps / ratio]]))
    root = vectors * np.sqrt(np.clip(values, 0.0, None))
    upper, lower = np.split(root, 2)
    return float(np.abs(np.linalg.eigvalsh(upper.T @ lower + lower.T @ upper)).max())


def _centred(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    return values - values.mean(axis=0)


def _checked(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if first.shape != second.shape or first.ndim != 2:
        raise DataError(
            f"activations of shapes {first.shape} and {second.shape} can't be compared; expected the same prompts "
            "through two models of the same width"
        )
    if len(first) < 2:
        raise DataError("a covariance over a single observation does not exist; give at least two")
    return first, second
