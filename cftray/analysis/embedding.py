"""Samples as vectors, kept on disk: a set is embedded once, however many others it is compared with.

What is kept of a set are the vectors of its samples (500 of LaBSE's are 1.5 MB), since intervals and
languages need more than their mean: `<key>.npy`, and beside it, written last, what they are of. The
key stands for the rows' content, the encoder's files and how the samples were drawn.
"""

from __future__ import annotations

import functools
import json
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from cftray.analysis.samples import Sample
from cftray.errors import ModelError
from cftray.plan.canonical import sha256_of
from cftray.spec.analysis import DesText
from cftray.store.atomic import write_atomic

VERSION: Final = 1
"""Raised when the same rows and encoder give other vectors."""

Done = Callable[[int], None]
"""How many texts are embedded so far. What it raises ends the work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """`vectors` float32 [texts, dimensions]; how many texts the encoder read only in part, None where it can't tell."""

    vectors: np.ndarray
    truncated: int | None


class Encoder(Protocol):
    """A language-agnostic sentence encoder. Equal `digest`, equal vectors."""

    @property
    def digest(self) -> str:
        """Of the encoder's files."""

    def encode(self, texts: Sequence[str], done: Done = lambda count: None) -> Encoded:
        """The texts' embeddings, as the encoder makes them: LaBSE's have length 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A sample of a set as `vectors` float32 [samples, dimensions], with each one's language.

    `digest` and `rows` are those of the whole set.
    """

    digest: str
    rows: int
    languages: tuple[str, ...]
    vectors: np.ndarray
    truncated: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingCache:
    """Embedded samples in `folder`; those in the folders of `earlier` attempts are found too."""

    folder: Path
    earlier: tuple[Path, ...] = field(default=())

    def find(self, key: str) -> Embedded | None:
        """What was kept under the key, or None."""
        for folder in (self.folder, *self.earlier):
            try:
                facts = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
                vectors = np.load(folder / f"{key}.npy")
            except FileNotFoundError:
                continue
            return Embedded(vectors=vectors, **facts | {"languages": tuple(facts["languages"])})
        return None

    def keep(self, key: str, embedded: Embedded) -> None:
        """Vectors first, then the facts without which they do not count."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{key}.{uuid.uuid4().hex}.npy"
        np.save(temporary, embedded.vectors)
        os.replace(temporary, self.folder / f"{key}.npy")
        facts = {name: getattr(embedded, name) for name in ("digest", "rows", "languages", "truncated")}
        write_atomic(self.folder / f"{key}.json", json.dumps(facts))


def key_of(sample: Sample, encoder_digest: str, *, seed: int, text: DesText) -> str:
    """Stands for the vectors of a sample."""
    settings = {"samples": len(sample.texts), "seed": seed, "text": text, "version": VERSION}
    return sha256_of({"rows": sample.digest, "encoder": encoder_digest, "settings": settings})[:32]


def embed(samples: Mapping[str, Sample], encoder: Encoder, cache: EmbeddingCache, done: Done) -> None:
    """Embed samples, given by their keys, into the cache. Raises ModelError where vectors are not finite."""
    before = 0
    for key, sample in samples.items():
        encoded = encoder.encode(sample.texts, functools.partial(_after, done, before))
        if not np.isfinite(encoded.vectors).all():
            raise ModelError("the encoder gave vectors that are not finite; is it whole, and its precision enough?")
        cache.keep(
            key,
            Embedded(
                digest=sample.digest, rows=sample.rows, languages=sample.languages,
                vectors=encoded.vectors, truncated=encoded.truncated,
            ),
        )  # fmt: skip
        before += len(sample.texts)


def _after(done: Done, before: int, count: int) -> None:
    done(before + count)
