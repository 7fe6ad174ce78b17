"""Dataset embedding similarity: how alike two data sets are to a language-agnostic sentence encoder.

    f_DES(D₁, D₂) = ⟨E(D₁), E(D₂)⟩,  E(D) = m/‖m‖,  m the mean embedding of a sample of D

(paper, section 3.1). Everything is computed from the samples' dot products G = X₁X₂ᵀ, so that neither a
resample nor a language costs the encoder's width: with whole-number weights c that say how often each
row counts, DES is c₁ᵀG₁₂c₂ / √(c₁ᵀG₁₁c₁ · c₂ᵀG₂₂c₂).

- interval, 95 %: rows of both sides are drawn anew, each side by itself; basic bootstrap around the
  resamples' own mean (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section 5.2). It holds
  the mean DES of samples of this size; that of a single other sample scatters more.
- `corrected`: the mean of a sample is longer than the mean of its set, since rows' scatter adds to it, and so
  DES of small samples is too low. With the mean dot product of two *different* rows in place of ‖m‖², which has
  no such surplus, DES is about what it would be with all rows. For 500 rows the two are close, for a
  language's few dozen they are not.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from cftray.analysis.embedding import Embedded
from cftray.data.statistics import BOOTSTRAPS, LEVEL
from cftray.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """DES with its 95 % interval; `low`, `high` and `corrected` are None where a side has too few rows for them."""

    des: float
    low: float | None
    high: float | None
    corrected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguagePair:
    """DES of the rows of one language of the first set and one of the second; `rows` of each."""

    first: str
    second: str
    rows: tuple[int, int]
    alike: Alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """DES of two sets by their names, and of each of their languages with each."""

    first: str
    second: str
    alike: Alike
    languages: tuple[LanguagePair, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """What was embedded of a set: `samples` of `rows`; `truncated` of them were read only in part by the encoder."""

    digest: str
    rows: int
    samples: int
    languages: Mapping[str, int]
    truncated: int | None

    @property
    def truncated_share(self) -> float | None:
        """Of the samples; None where the encoder can't tell."""
        return None if self.truncated is None else self.truncated / self.samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarities:
    """Every two of several sets, in the order of `sets`."""

    sets: Mapping[str, SetFacts]
    pairs: tuple[Similarity, ...]

    def matrix(self) -> list[list[float]]:
        """DES of each set with each; 1 on the diagonal."""
        found = {frozenset((one.first, one.second)): one.alike.des for one in self.pairs}
        return [[found.get(frozenset((row, column)), 1.0) for column in self.sets] for row in self.sets]

    def as_json(self) -> dict[str, Any]:
        """For records."""
        return {
            "sets": {name: asdict(one) | {"truncated_share": one.truncated_share} for name, one in self.sets.items()},
            "pairs": [_as_json(one) | {"languages": [_as_json(of) for of in one.languages]} for one in self.pairs],
            "matrix": self.matrix(),
        }


def similarities(sets: Mapping[str, Embedded], *, seed: int) -> Similarities:
    """DES of every two of `sets`. Raises DataError where embeddings differ in width, or average to nothing."""
    widths = {name: one.vectors.shape[1] for name, one in sets.items()}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{name} {width}" for name, width in widths.items())
        raise DataError(f"embeddings of different widths can't be compared ({told}); embed all sets by one encoder")
    resampled = {name: Resampled(name, one, seed) for name, one in sets.items()}
    return Similarities(
        sets={name: _facts(one) for name, one in sets.items()},
        pairs=tuple(_pair(resampled[one], resampled[other]) for one, other in combinations(sets, 2)),
    )


class Part:
    """Rows `vectors` float64 [n, d] of one side."""

    def __init__(self, name: str, vectors: np.ndarray, key: list[int]) -> None:
        """Raises DataError where the rows' mean has no direction."""
        self.vectors, self.n = vectors, len(vectors)
        gram = vectors @ vectors.T
        self.square = float(gram.mean())
        if not self.square > 0:
            raise DataError(f"{name}: the embeddings average to nothing, so they have no direction to compare")
        self.among = (gram.sum() - np.trace(gram)) / (self.n * (self.n - 1)) if self.n > 1 else None
        self.counts = _counts(self.n, np.random.default_rng(key))
        weights: np.ndarray = self.counts.astype(np.float64)
        self.squares = np.einsum("bi,bi->b", weights @ gram, weights)


class Resampled:
    """A sample with the weights of its resamples, which depend on the set and the seed alone."""

    def __init__(self, name: str, embedded: Embedded, seed: int) -> None:
        self.name = name
        self.digest = embedded.digest
        self.seed = seed
        self.vectors: np.ndarray = embedded.vectors.astype(np.float64)
        languages = np.asarray(embedded.languages)
        self.languages = {one: np.flatnonzero(languages == one) for one in sorted(set(embedded.languages))}

        self._parts: dict[str, Part] = {}

    def part(self, language: str = "") -> Part:
        """Rows of a language, or all."""
        if language not in self._parts:
            rows = self.languages[language] if language else slice(None)
            key = [self.seed, zlib.crc32(self.digest.encode()), zlib.crc32(language.encode())]
            told = f"{self.name}, {language}" if language else self.name
            self._parts[language] = Part(told, self.vectors[rows], key)
        return self._parts[language]


def alike(one: Part, other: Part) -> Alike:
    """DES of two parts that share no row."""
    gram = one.vectors @ other.vectors.T
    dot = float(gram.mean())
    des = dot / math.sqrt(one.square * other.square)
    low = high = corrected = None
    if one.n > 1 and other.n > 1:
        dots = np.einsum("bi,bi->b", one.counts.astype(np.float64) @ gram, other.counts.astype(np.float64))
        drawn = dots / np.sqrt(np.maximum(one.squares * other.squares, np.finfo(float).tiny))
        ends = np.quantile(drawn, [1 - LEVEL / 2, LEVEL / 2]) - drawn.mean()
        low, high = (_bounded(des - float(end)) for end in ends)
    if one.among is not None and other.among is not None and one.among > 0 and other.among > 0:
        corrected = _bounded(dot / math.sqrt(one.among * other.among))
    return Alike(des=_bounded(des), low=low, high=high, corrected=corrected)


def _pair(one: Resampled, other: Resampled) -> Similarity:
    """A set is itself, whatever sample of it was drawn: two of the same content have DES 1."""
    same = one.digest == other.digest
    return Similarity(
        first=one.name,
        second=other.name,
        alike=ITSELF if same else alike(one.part(), other.part()),
        languages=tuple(
            LanguagePair(
                first=ours,
                second=theirs,
                rows=(len(one.languages[ours]), len(other.languages[theirs])),
                alike=ITSELF if same and ours == theirs else alike(one.part(ours), other.part(theirs)),
            )
            for ours in one.languages
            for theirs in other.languages
        ),
    )


ITSELF: Final = Alike(des=1.0, low=1.0, high=1.0, corrected=1.0)


def _as_json(one: Similarity | LanguagePair) -> dict[str, Any]:
    rows = {"rows": list(one.rows)} if isinstance(one, LanguagePair) else {}
    return {"first": one.first, "second": one.second, **rows, **asdict(one.alike)}


def _facts(embedded: Embedded) -> SetFacts:
    return SetFacts(
        digest=embedded.digest,
        rows=embedded.rows,
        samples=len(embedded.vectors),
        languages=dict(sorted(Counter(embedded.languages).items())),
        truncated=embedded.truncated,
    )


def _counts(n: int, random: Any) -> np.ndarray:
    """How often each of n rows stands in each resample of n: uint16 [BOOTSTRAPS, n]."""
    chosen = random.integers(n, size=(BOOTSTRAPS, n)) + np.arange(BOOTSTRAPS)[:, None] * n
    return np.bincount(chosen.ravel(), minlength=BOOTSTRAPS * n).reshape(BOOTSTRAPS, n).astype(np.uint16)


def _bounded(value: float) -> float:
    """Rounding, or an interval, may lead past what a cosine can be."""
    return min(1.0, max(-1.0, value))
