"""What a pair of models' activations come to: layers laid out by t-SNE, covariances compared (paper, section 3.2).

H₁ and H₂ are [prompts, layers + 1, d]; X is a model's mean over prompts, [layers, d], without the embeddings.
Reads arrays alone, so results can be read and drawn where no model can be loaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cftray.analysis import covariance
from cftray.analysis.tsne import embed, perplexity_for
from cftray.errors import InternalError
from cftray.spec.analysis import TsneSettings
from cftray.spec.base import SpecModel

Point = tuple[float, float]


class LayerDifference(SpecModel):
    """Of one layer, over prompts: ‖Σ₁ − Σ₂‖_F with its 95 % interval, and over ‖Σ₁‖_F.

    `drift` is 1 − the mean cosine of a prompt's vectors in the two models.
    """

    norm: float
    low: float
    high: float
    relative: float | None
    spectral: float
    drift: float


class LayerFigures(SpecModel):
    """Layer 0 is what the first decoder layer gets. `variance` is tr Σ over prompts, for each model."""

    layer: int
    variance: tuple[float, ...]
    difference: LayerDifference | None


class WholeDifference(SpecModel):
    """‖Σ₁ − Σ₂‖ of the covariances over layers (of X)."""

    frobenius: float
    spectral: float
    relative: float | None


class Representations(SpecModel):
    """The result of a stage `representations`; what follows for a pair is null or empty for one model.

    `points` are t-SNE's, for each model one a layer, all laid out together.
    """

    labels: tuple[str, ...]
    prompts: int
    tokens: int
    cut: int
    layers: int
    width: int
    perplexity: float
    points: tuple[tuple[Point, ...], ...]
    whole: WholeDifference | None
    by_layer: tuple[LayerFigures, ...]

    @classmethod
    def read(cls, path: Path) -> Representations:
        """The result that a stage wrote. Raises InternalError where it can't be read."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InternalError(f"{path.name}: the result of a representations stage can't be read: {error}") from error


def figures_of(
    models: list[np.ndarray], labels: tuple[str, ...], settings: TsneSettings, *, tokens: int, cut: int
) -> Representations:
    """One model's or a pair's H to its figures. Raises DataError where the shapes differ."""
    first = models[0]
    prompts, layers, width = first.shape[0], first.shape[1] - 1, first.shape[2]
    means = [layer_means(one) for one in models]
    points = embed(np.concatenate(means), settings)
    second = models[1] if len(models) > 1 else None
    return Representations(
        labels=labels,
        prompts=prompts,
        tokens=tokens,
        cut=cut,
        layers=layers,
        width=width,
        perplexity=perplexity_for(len(points), settings.perplexity),
        points=tuple(_points(points[place * layers : (place + 1) * layers]) for place in range(len(models))),
        whole=_whole(means[0], means[1]) if len(means) > 1 else None,
        by_layer=tuple(_layer(number, first, second) for number in range(layers + 1)),
    )


def layer_means(vectors: np.ndarray) -> np.ndarray:
    """X: the mean over prompts of each decoder layer, float64 [layers, d]."""
    return np.asarray(vectors, dtype=np.float64).mean(axis=0)[1:]


def headline(found: Representations) -> dict[str, float]:
    """The numbers worth comparing between pairs."""
    told: dict[str, float] = {"prompts": found.prompts, "tokens": found.tokens, "cut": found.cut}
    told["total_variance"] = float(np.mean([layer.variance[0] for layer in found.by_layer[1:]]))
    if found.whole is None:
        return told
    layers = [layer.difference for layer in found.by_layer[1:] if layer.difference is not None]
    told["covariance_difference"] = found.whole.frobenius
    told["layer_difference_mean"] = float(np.mean([one.norm for one in layers]))
    told["layer_difference_max"] = max(one.norm for one in layers)
    told["drift_mean"] = float(np.mean([one.drift for one in layers]))
    relative = [one.relative for one in layers if one.relative is not None]
    if found.whole.relative is not None:
        told["covariance_difference_relative"] = found.whole.relative
    if relative:
        told["layer_difference_relative_mean"] = float(np.mean(relative))
    return told


def _whole(first: np.ndarray, second: np.ndarray) -> WholeDifference:
    found = covariance.difference(first, second)
    return WholeDifference(frobenius=found.frobenius, spectral=found.spectral, relative=found.relative)


def _layer(number: int, first: np.ndarray, second: np.ndarray | None) -> LayerFigures:
    one = np.asarray(first[:, number], dtype=np.float64)
    if second is None:
        return LayerFigures(layer=number, variance=(covariance.total_variance(one),), difference=None)
    other = np.asarray(second[:, number], dtype=np.float64)
    found, bounds = covariance.difference(one, other), covariance.interval(one, other)
    return LayerFigures(
        layer=number,
        variance=(covariance.total_variance(one), covariance.total_variance(other)),
        difference=LayerDifference(
            norm=found.frobenius,
            low=bounds.low,
            high=bounds.high,
            relative=found.relative,
            spectral=found.spectral,
            drift=_drift(one, other),
        ),
    )


def _drift(first: np.ndarray, second: np.ndarray) -> float:
    """1 − mean cosine of the rows; a row of zeros is at right angles to all."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    cosines = np.divide((first * second).sum(axis=1), lengths, out=np.zeros(len(first)), where=lengths > 0)
    return max(0.0, float(1.0 - cosines.mean()))


def _points(values: Any) -> tuple[Point, ...]:
    return tuple((round(float(x), 6), round(float(y), 6)) for x, y in values)
