"""The stage that trains the beginning of a phase, so that it can be scored before the rest is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cftray.plan.stages import TrainPartConfig
from cftray.stage import Artifact, StageContext
from cftray.training.stage import train


def run(config: TrainPartConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs, outputs and errors as of the whole phase (`cftray.training.stage`). The checkpoint stays in the folder,
    whatever the execution says of those of a whole phase."""
    return train(config.whole, inputs, context, config.share)
