"""The stage that writes rows of a miniature data set, or of its English counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cftray.data.adapters import write_rows
from cftray.mini import datasets
from cftray.plan.data_stages import MiniRowsConfig
from cftray.stage import Artifact, StageContext


def run(config: MiniRowsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:  # noqa: ARG001
    """Rows as JSON lines; no inputs. An English counterpart stands at the place of its row."""
    path = context.folder / "rows.jsonl"
    name, seed = config.dataset.value, config.sample_seed
    if config.english:
        rows = datasets.english_counterparts(name, samples=config.samples, seed=seed)
    else:
        rows = datasets.rows(name, samples=config.samples, seed=seed)
    count = write_rows(path, rows)
    return Artifact(outputs={"rows": path}, metrics={"rows": count})
