"""The stage that says how alike data sets are, before anything is trained on them.

The driver draws the samples, so that too small a set is refused before a worker starts, and compares the vectors;
one worker loads the encoder once and embeds what is missing. What an attempt before embedded is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.analysis.des import Similarities
from cftray.analysis.des_sets import draw_sets, encoder_digest
from cftray.analysis.embedding import EmbeddingCache
from cftray.analysis.entry import embed_samples
from cftray.analysis.progress import Follow
from cftray.analysis.samples import Sample
from cftray.errors import InternalError
from cftray.plan.analysis_stages import DesConfig
from cftray.stage import Artifact, StageContext
from cftray.store.atomic import write_atomic

FILE_NAME = "des.json"
CACHE = "embeddings"
ENCODER = "encoder"


def run(config: DesConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `encoder`, a folder of sentence-transformers; all others are sets of rows by their names, two or more.

    Output: `des`, a JSON file of what the details say. Raises DataError where a set has fewer rows than samples are
    asked for, ModelError where the encoder does not load, Cancelled when asked to stop.
    """
    context.raise_if_stopped()
    sets = {name: place for name, place in inputs.items() if name != ENCODER}
    if len(sets) < 2:
        raise InternalError(f"DES compares two sets or more; planned were {', '.join(sets) or 'none'}")
    digest = encoder_digest(inputs[ENCODER])
    drawn = draw_sets(sets, digest, config)
    cache = EmbeddingCache(folder=context.folder / CACHE, earlier=tuple(one / CACHE for one in context.earlier))
    missing = drawn.missing(cache)
    if missing:
        with Follow(context.folder, context.report):
            context.workers.call(
                embed_samples, _request(missing, inputs[ENCODER], digest, context),
                accelerator=context.execution.accelerator, name="des",
            )  # fmt: skip
    found = drawn.compared(cache, config.seed)
    details = {**found.as_json(), **config.model_dump(mode="json"), "encoder": digest}
    path = context.folder / FILE_NAME
    write_atomic(path, json.dumps(details, ensure_ascii=False))
    return Artifact(outputs={"des": path}, metrics=metrics_of(found), details=details)


def metrics_of(found: Similarities) -> dict[str, float]:
    """`des` with its interval for two sets, `des/<one>/<other>` for more; the truncated share of each set."""
    metrics: dict[str, float] = {}
    for pair in found.pairs:
        name = "des" if len(found.pairs) == 1 else f"des/{pair.first}/{pair.second}"
        ends = {"": pair.alike.des, "/low": pair.alike.low, "/high": pair.alike.high}
        metrics |= {f"{name}{end}": value for end, value in ends.items() if value is not None}
    shares = {f"truncated/{name}": one.truncated_share for name, one in found.sets.items()}
    return metrics | {name: share for name, share in shares.items() if share is not None}


def _request(missing: Mapping[str, Sample], encoder: Path, digest: str, context: StageContext) -> dict[str, Any]:
    """Samples go through files: a request is small."""
    folder = context.folder.absolute()
    samples = {key: folder / "samples" / f"{key}.json" for key in missing}
    for key, path in samples.items():
        missing[key].write(path)
    return {
        "samples": {key: str(path) for key, path in samples.items()},
        "cache": str(folder / CACHE),
        "encoder": str(encoder.absolute()),
        "digest": digest,
        "device": "cpu" if context.execution.accelerator is None else "cuda",
        "folder": str(folder),
        "stop": str(context.stop.absolute()),
    }
