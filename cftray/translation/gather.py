"""The stage that lays the languages' rows together, by the id of their source and then by language.

Each language's file is in that order already, so they are merged a row at a time.
"""

from __future__ import annotations

import collections
import heapq
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

from cftray.data.sources import ROWS
from cftray.errors import DataError
from cftray.plan.data_stages import GatherConfig
from cftray.stage import Artifact, StageContext
from cftray.translation.index import lines_of

Keyed = tuple[str, str, str]
"""(id of the source, language, line)"""


def run(config: GatherConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: rows by the code of their language. Output `rows`: a folder with `rows.jsonl`.

    Raises DataError where there are fewer rows than are to be drawn.
    """
    files = {code: place / ROWS if place.is_dir() else place for code, place in sorted(inputs.items())}
    chosen = _chosen(config, sum(_count(path) for path in files.values()))
    folder = context.folder / "rows"
    folder.mkdir()
    counts: collections.Counter[str] = collections.Counter()
    with open(folder / ROWS, "w", encoding="utf-8") as out:
        merged = heapq.merge(*(_keyed(code, path) for code, path in files.items()))
        for place, (_, code, line) in enumerate(merged):
            if place % 10_000 == 0:
                context.raise_if_stopped()
            if chosen is None or place in chosen:
                out.write(line + "\n")
                counts[code] += 1
    metrics = {"rows": float(counts.total()), **{f"rows_{code}": float(counts[code]) for code in files}}
    return Artifact(outputs={"rows": folder}, metrics=metrics, details={"languages": dict(sorted(counts.items()))})


def _keyed(code: str, path: Path) -> Iterator[Keyed]:
    for line in lines_of(path):
        yield json.loads(line)["english_id"], code, line


def _count(path: Path) -> int:
    return sum(1 for _ in lines_of(path))


def _chosen(config: GatherConfig, rows: int) -> frozenset[int] | None:
    if config.samples is None:
        return None
    if config.samples > rows:
        raise DataError(f"{config.samples} samples asked for, {rows} rows were translated; ask for at most {rows}")
    return frozenset(random.Random(f"gather/{config.sample_seed}").sample(range(rows), config.samples))
