"""How near a model's activations of the same sentence in two languages are (paper, section D.3, Figure D3).

Cosines between any two sentences are high in a language model, so a cosine alone says little. The number here is
the mean cosine of aligned pairs minus that of pairs that are not, which is its mean over all shufflings:

    a = 1/n Σᵢ cos(eᵢ, fᵢ) − 1/(n(n−1)) Σ_{i≠j} cos(eᵢ, fⱼ),

0 where a sentence's meaning leaves no trace across the two languages. Intervals: percentile bootstrap over
sentences. A sentence drawn twice is never set against itself as not aligned. `found` is the share of sentences
whose nearest in the other language is their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cftray.analysis.tsne import embed, perplexity_for
from cftray.errors import DataError, InternalError
from cftray.spec.analysis import TsneSettings
from cftray.spec.base import SpecModel

BOOTSTRAPS = 1000
LEVEL = 0.05
SEED = 20240917

Point = tuple[float, float]


class Alignment(SpecModel):
    """Of one language at one layer; `found` is the share of sentences whose nearest is their own, both ways."""

    layer: int
    aligned: float
    shuffled: float
    difference: float
    low: float
    high: float
    found: float


class Crosslingual(SpecModel):
    """The result of a stage `crosslingual`.

    `layer_points` are t-SNE's of the layers' means, the pivot's and those of all other languages together, as in
    the paper's figure; `sentence_points` of single sentences at `drawn_layer`, by language.
    """

    label: str
    pivot: str
    sentences: int
    tokens: int
    cut: int
    layers: int
    drawn_layer: int
    by_language: dict[str, tuple[Alignment, ...]]
    mean: tuple[float, ...]
    layer_perplexity: float
    layer_points: tuple[tuple[Point, ...], tuple[Point, ...]]
    sentence_perplexity: float
    sentence_points: dict[str, tuple[Point, ...]]

    @classmethod
    def read(cls, path: Path) -> Crosslingual:
        """The result that a stage wrote. Raises InternalError where it can't be read."""
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InternalError(f"{path.name}: the result of a crosslingual stage can't be read: {error}") from error


def figures_of(
    vectors: Mapping[str, np.ndarray], label: str, drawn_layer: int | None, settings: TsneSettings, *, tokens: int,
    cut: int,
) -> Crosslingual:  # fmt: skip
    """By language [sentences, layers + 1, d], the pivot first. Raises DataError where there is no such layer."""
    pivot, *others = vectors
    sentences, depth = vectors[pivot].shape[:2]
    layer = drawn_layer if drawn_layer is not None else depth // 2
    if layer >= depth:
        raise DataError(f"layer is {layer}; the model has layers 0 (embeddings) to {depth - 1}")
    by_language: dict[str, list[Alignment]] = {one: [] for one in others}
    for number in range(depth):
        unit = {one: unit_rows(vectors[one][:, number]) for one in vectors}
        for one in others:
            by_language[one].append(alignment(unit[pivot], unit[one], layer=number))
    means = _means(vectors, pivot)
    laid = embed(np.concatenate(means), settings)
    drawn = embed(np.concatenate([one[:, layer] for one in vectors.values()]), settings)
    return Crosslingual(
        label=label,
        pivot=pivot,
        sentences=sentences,
        tokens=tokens,
        cut=cut,
        layers=depth - 1,
        drawn_layer=layer,
        by_language={one: tuple(of) for one, of in by_language.items()},
        mean=tuple(float(np.mean([of[number].difference for of in by_language.values()])) for number in range(depth)),
        layer_perplexity=perplexity_for(len(laid), settings.perplexity),
        layer_points=(_points(laid[: depth - 1]), _points(laid[depth - 1 :])),
        sentence_perplexity=perplexity_for(len(drawn), settings.perplexity),
        sentence_points={
            one: _points(drawn[place * sentences : (place + 1) * sentences]) for place, one in enumerate(vectors)
        },
    )


def unit_rows(values: np.ndarray) -> np.ndarray:
    """Rows of length 1, float64; rows of zeros stay."""
    values = np.asarray(values, dtype=np.float64)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, lengths, out=np.zeros_like(values), where=lengths > 0)


def alignment(pivot: np.ndarray, other: np.ndarray, *, layer: int) -> Alignment:
    """Of unit rows [n, d], aligned by row, n at least 2. Raises DataError where they are not as many."""
    if pivot.shape != other.shape or len(pivot) < 2:
        raise DataError(
            f"sentences of shapes {pivot.shape} and {other.shape}; expected the same sentences, two or more, in each"
        )
    cosines = pivot @ other.T
    n = len(cosines)
    once = np.ones((1, n))
    aligned, shuffled = (float(one[0]) for one in _both(cosines, once))
    times = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=BOOTSTRAPS).astype(np.float64)
    times = times[(times > 0).sum(axis=1) > 1]
    drawn = np.subtract(*_both(cosines, times))
    low, high = np.quantile(drawn, [LEVEL / 2, 1 - LEVEL / 2])
    places = np.arange(n)
    found = np.mean([(cosines.argmax(axis=1) == places).mean(), (cosines.argmax(axis=0) == places).mean()])
    return Alignment(
        layer=layer,
        aligned=aligned,
        shuffled=shuffled,
        difference=aligned - shuffled,
        low=float(low),
        high=float(high),
        found=float(found),
    )


def headline(found: Crosslingual) -> dict[str, float]:
    """The numbers worth comparing between models: alignment over languages, at the best decoder layer and over all."""
    best = 1 + int(np.argmax(found.mean[1:]))
    told: dict[str, float] = {
        "sentences": found.sentences,
        "languages": len(found.by_language) + 1,
        "tokens": found.tokens,
        "cut": found.cut,
        "alignment_mean": float(np.mean(found.mean[1:])),
        "alignment_best": found.mean[best],
        "alignment_best_layer": best,
    }
    for language, layers in found.by_language.items():
        told[f"alignment/{language}"] = float(np.mean([one.difference for one in layers[1:]]))
    return told


def _both(cosines: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(mean of aligned, mean of not aligned pairs) for each draw [draws, n] of sentences `times` over."""
    own = np.diag(cosines)
    number = times.sum(axis=1)
    aligned = times @ own / number
    others = ((times @ cosines) * times).sum(axis=1) - times**2 @ own
    return aligned, others / (number**2 - (times**2).sum(axis=1))


def _means(vectors: Mapping[str, np.ndarray], pivot: str) -> list[np.ndarray]:
    """Over sentences, [layers, d]: the pivot's, and that of all other languages together."""
    means = {one: np.asarray(of, dtype=np.float64).mean(axis=0)[1:] for one, of in vectors.items()}
    return [means[pivot], np.mean([of for one, of in means.items() if one != pivot], axis=0)]


def _points(values: np.ndarray) -> tuple[Point, ...]:
    return tuple((round(float(x), 6), round(float(y), 6)) for x, y in values)
