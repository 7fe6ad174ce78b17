"""The stage that writes rows of a miniature data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cftray.data.adapters import write_rows
from cftray.mini import datasets
from cftray.plan.stages import MiniRowsConfig
from cftray.stage import Artifact, StageContext


def run(config: MiniRowsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:  # noqa: ARG001
    """Rows as JSON lines; no inputs."""
    path = context.folder / "rows.jsonl"
    rows = datasets.rows(config.dataset.value, samples=config.samples, seed=config.sample_seed)
    count = write_rows(path, rows)
    return Artifact(outputs={"rows": path}, metrics={"rows": count})
