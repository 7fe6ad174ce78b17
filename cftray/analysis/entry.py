"""What workers are asked to do, as a driver may import it: torch is loaded when an encoder is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.analysis.embedding import EmbeddingCache, embed
from cftray.analysis.mpd import model_difference
from cftray.analysis.progress import ProgressFile
from cftray.analysis.samples import Sample


def compare_models(request: Mapping[str, Any]) -> dict[str, Any]:
    """See `cftray.analysis.mpd.model_difference`; tells of megabytes read. Cancelled once the stop file exists."""
    progress = ProgressFile(Path(request["folder"]), Path(request["stop"]), "MB")
    found = model_difference(
        request["first"], request["second"], told=lambda done, of: progress.tell(_megabytes(done), _megabytes(of))
    )
    return found.as_json()


def _megabytes(count: int) -> int:
    """Begun ones, so that even a small model has one."""
    return -(-count // 1_000_000)


def embed_samples(request: Mapping[str, Any]) -> None:
    """Embed the samples, files by their keys, into the request's cache. Cancelled once the stop file exists."""
    from cftray.analysis.encoder import SentenceEncoder

    samples = {key: Sample.read(Path(path)) for key, path in request["samples"].items()}
    total = sum(len(one.texts) for one in samples.values())
    progress = ProgressFile(Path(request["folder"]), Path(request["stop"]), "rows")
    encoder = SentenceEncoder(Path(request["encoder"]), request["digest"], request["device"])
    embed(samples, encoder, EmbeddingCache(folder=Path(request["cache"])), lambda done: progress.tell(done, total))
