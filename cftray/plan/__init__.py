"""From a spec to a graph of stages with fingerprints; pure, and free of ray, torch and mlflow."""

from cftray.plan.canonical import canonical, sha256_of
from cftray.plan.graph import Outcome, Plan, build_plan, fingerprint_of, model_leaf
from cftray.plan.stages import (
    CODE_VERSION,
    EvaluateConfig,
    Leaf,
    LeafInput,
    LeafKind,
    MiniRowsConfig,
    StageConfig,
    StageInput,
    StageKind,
    StageNode,
    TokenizeConfig,
    TrainConfig,
)

__all__ = [
    "CODE_VERSION",
    "EvaluateConfig",
    "Leaf",
    "LeafInput",
    "LeafKind",
    "MiniRowsConfig",
    "Outcome",
    "Plan",
    "StageConfig",
    "StageInput",
    "StageKind",
    "StageNode",
    "TokenizeConfig",
    "TrainConfig",
    "build_plan",
    "canonical",
    "fingerprint_of",
    "model_leaf",
    "sha256_of",
]
