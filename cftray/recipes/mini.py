"""The miniature world's experiments (docs/miniature.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from cftray.mini import defaults
from cftray.spec import (
    ChangeFreezing,
    Condition,
    EnglishReplay,
    EvaluationSpec,
    ExecutionSpec,
    ExperimentSpec,
    GenerativeReplay,
    Hyperparameters,
    LowRank,
    MiniData,
    Mitigation,
    ModelRef,
    NoMitigation,
    Phase1,
    Phase2,
    RandomFreezing,
    TrainedPhase,
)
from cftray.spec.analysis import Analysis
from cftray.spec.data import MiniDataset
from cftray.spec.model import MINI_BASE


class Pair(StrEnum):
    """Whether both phases teach the same kind of tasks; with multialpaca-mini or multi-openorca-mini in phase 2."""

    SIMILAR = "similar"
    DISSIMILAR = "dissimilar"
    OPENORCA_SIMILAR = "openorca-similar"
    OPENORCA_DISSIMILAR = "openorca-dissimilar"


DATA = {
    Pair.SIMILAR: (MiniDataset.ALPACA, MiniDataset.MULTIALPACA),
    Pair.DISSIMILAR: (MiniDataset.INSTRUCT, MiniDataset.MULTIALPACA),
    Pair.OPENORCA_SIMILAR: (MiniDataset.OPENORCA, MiniDataset.MULTI_OPENORCA),
    Pair.OPENORCA_DISSIMILAR: (MiniDataset.INSTRUCT, MiniDataset.MULTI_OPENORCA),
}
"""Phase 1's set and phase 2's."""


def mini(
    pair: Pair | str,
    *,
    mitigation: Mitigation | None = None,
    seeds: tuple[int, ...] = (17,),
    gate: tuple[Condition, ...] = (),
    analysis: tuple[Analysis, ...] = (),
    name: str | None = None,
    project: str = "mini",
    execution: ExecutionSpec | None = None,
) -> ExperimentSpec:
    """Phase 1 on an English set of the miniature, phase 2 on a multilingual one."""
    pair = Pair(pair)
    first, second = DATA[pair]
    return ExperimentSpec(
        name=name or f"mini-{pair}",
        project=project,
        base=ModelRef(model=MINI_BASE),
        phase1=Phase1(train=_phase(first, defaults.PHASE1_LR)),
        phase2=Phase2(
            **_phase(second, defaults.PHASE2_LR).__dict__,
            mitigation=mitigation or NoMitigation(),
        ),
        gate=gate,
        evaluation=EvaluationSpec(batch_size=defaults.EVALUATION_BATCH),
        analysis=analysis,
        seeds=seeds,
        execution=execution or ExecutionSpec(),
    )


def _phase(dataset: MiniDataset, learning_rate: float) -> TrainedPhase:
    return TrainedPhase(
        data=MiniData(mini=dataset, samples=defaults.SAMPLES),
        hyperparameters=Hyperparameters(
            learning_rate=learning_rate,
            epochs=defaults.EPOCHS,
            global_batch=defaults.GLOBAL_BATCH,
            warmup_steps=defaults.WARMUP,
            max_length=defaults.MAX_LENGTH,
        ),
    )


def demo_matrix(*, whole: bool, seeds: tuple[int, ...] = (17,), name: str = "demo") -> dict[str, Any]:
    """The matrix of the demonstration: the similar pair, the dissimilar one, and mitigations of the latter.

    `whole` takes every strategy of the paper's Table D1, otherwise GR_10 alone.
    """
    chosen = MITIGATIONS if whole else (MITIGATIONS[0], MITIGATIONS[2])
    return {
        "name": name,
        "spec": {"recipe": "mini", "pair": str(Pair.DISSIMILAR)},
        "axes": {"mitigation": [one.model_dump(mode="json") for one in chosen], "seed": list(seeds)},
        "cells": [{"pair": str(Pair.SIMILAR)}],
    }


MITIGATIONS: tuple[Mitigation, ...] = (
    NoMitigation(),
    GenerativeReplay(ratio=0.05),
    GenerativeReplay(ratio=0.1),
    EnglishReplay(ratio=0.1),
    RandomFreezing(),
    ChangeFreezing(),
    LowRank(),
)
"""The rows of the paper's Table D1."""
