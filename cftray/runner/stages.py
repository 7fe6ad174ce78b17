"""The one place where a stage's kind meets its code. Imports the code only when it is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from cftray.plan import StageConfig, StageKind
from cftray.stage import Artifact, StageContext

StageFunction = Callable[[StageConfig, Mapping[str, Path], StageContext], Artifact]

MODULES: dict[StageKind, str] = {
    StageKind.MINI_ROWS: "cftray.mini.stage",
    StageKind.READ_ROWS: "cftray.data.reading.stage",
    StageKind.TRANSLATE: "cftray.translation.stage",
    StageKind.GATHER: "cftray.translation.gather",
    StageKind.TOKENIZE: "cftray.data.tokenize",
    StageKind.REPLAY_PROMPTS: "cftray.data.replay",
    StageKind.OVERLAP: "cftray.data.overlap",
    StageKind.CONTAMINATION: "cftray.evaluation.contamination",
    StageKind.GENERATE: "cftray.generation.stage",
    StageKind.MIX: "cftray.data.mix",
    StageKind.SELECT_FROZEN: "cftray.training.selection",
    StageKind.TRAIN: "cftray.training.stage",
    StageKind.TRAIN_PART: "cftray.training.part",
    StageKind.REQUESTS: "cftray.evaluation.requests_stage",
    StageKind.EVALUATE: "cftray.evaluation.stage",
    StageKind.JUDGE: "cftray.evaluation.judging.stage",
    StageKind.GATE: "cftray.evaluation.gate",
    StageKind.DES: "cftray.analysis.des_stage",
    StageKind.MPD: "cftray.analysis.mpd_stage",
    StageKind.REPRESENTATIONS: "cftray.analysis.representations_stage",
    StageKind.CROSSLINGUAL: "cftray.analysis.crosslingual_stage",
}

PRIMARY_OUTPUT: dict[StageKind, str] = {
    StageKind.MINI_ROWS: "rows",
    StageKind.READ_ROWS: "rows",
    StageKind.TRANSLATE: "rows",
    StageKind.GATHER: "rows",
    StageKind.TOKENIZE: "tokens",
    StageKind.REPLAY_PROMPTS: "prompts",
    StageKind.OVERLAP: "overlap",
    StageKind.CONTAMINATION: "contamination",
    StageKind.GENERATE: "rows",
    StageKind.MIX: "tokens",
    StageKind.SELECT_FROZEN: "selection",
    StageKind.TRAIN: "model",
    StageKind.TRAIN_PART: "model",
    StageKind.REQUESTS: "requests",
    StageKind.EVALUATE: "items",
    StageKind.JUDGE: "annotations",
    StageKind.GATE: "decision",
    StageKind.DES: "des",
    StageKind.MPD: "mpd",
    StageKind.REPRESENTATIONS: "result",
    StageKind.CROSSLINGUAL: "result",
}
"""The output that a stage depending on this one reads."""


def stage_function(kind: StageKind) -> StageFunction:
    """The `run` of the kind's module."""
    function: StageFunction = import_module(MODULES[kind]).run
    return function
