"""From sets of rows to their similarities: draw, embed what no one embedded before, compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cftray.analysis.des import Similarities, similarities
from cftray.analysis.embedding import Embedded, EmbeddingCache, Encoder, embed, key_of
from cftray.analysis.samples import Sample, draw
from cftray.errors import InternalError
from cftray.plan.analysis_stages import DesConfig
from cftray.store.layout import hash_tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Samples by the keys of their vectors, and the key of each set: sets of one content share theirs."""

    samples: Mapping[str, Sample]
    keys: Mapping[str, str]

    def missing(self, cache: EmbeddingCache) -> dict[str, Sample]:
        """Those that the cache has not."""
        return {key: sample for key, sample in self.samples.items() if cache.find(key) is None}

    def compared(self, cache: EmbeddingCache, seed: int) -> Similarities:
        """The similarities, all samples being in the cache."""
        found = {name: cache.find(key) for name, key in self.keys.items()}
        embedded: dict[str, Embedded] = {name: one for name, one in found.items() if one is not None}
        if len(embedded) < len(found):
            raise InternalError(f"no embeddings of {', '.join(found.keys() - embedded.keys())} were left in the cache")
        return similarities(embedded, seed=seed)


def draw_sets(sets: Mapping[str, Path], encoder_digest: str, config: DesConfig) -> Drawn:
    """A sample of each set of rows. Raises DataError where one has no rows or fewer than asked for."""
    samples, keys = dict[str, Sample](), dict[str, str]()
    for name, place in sets.items():
        sample = draw(place, name=name, samples=config.samples, seed=config.seed, text=config.text)
        keys[name] = key_of(sample, encoder_digest, seed=config.seed, text=config.text)
        samples[keys[name]] = sample
    return Drawn(samples=samples, keys=keys)


def compare_sets(
    sets: Mapping[str, Path],
    encoder: Encoder,
    config: DesConfig,
    cache: Path,
    done: Callable[[int], None] = lambda count: None,
) -> Similarities:
    """The whole in this process: DES of every two of `sets`, folders or files of rows by name.

    Vectors are looked for, and kept, in `cache`. Raises DataError and ModelError as its parts do.
    """
    drawn = draw_sets(sets, encoder.digest, config)
    kept = EmbeddingCache(folder=cache)
    embed(drawn.missing(kept), encoder, kept, done)
    return drawn.compared(kept, config.seed)


def encoder_digest(folder: Path) -> str:
    """Of all files of an encoder's folder, by content."""
    return hash_tree(folder)[0]
