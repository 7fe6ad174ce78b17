"""From a spec to a graph of stages with fingerprints; pure, and free of ray, torch and mlflow."""

from cftray.plan.canonical import canonical, sha256_of
from cftray.plan.data_stages import (
    ContaminationConfig,
    GatherConfig,
    MiniRowsConfig,
    MixConfig,
    OverlapConfig,
    ReadRowsConfig,
    ReplayPromptsConfig,
    RowsSource,
    TokenizeConfig,
    TranslateConfig,
)
from cftray.plan.graph import build_evaluation_plan, build_plan
from cftray.plan.leaves import encoder_leaf, model_leaf
from cftray.plan.nodes import Known, fingerprint_of
from cftray.plan.packs import Pack, PackTask
from cftray.plan.plan import Outcome, Plan, Rung, Trial
from cftray.plan.similarity import build_similarity_plan
from cftray.plan.stages import (
    CODE_VERSION,
    EvaluateConfig,
    GateConfig,
    GenerateConfig,
    JudgeConfig,
    Leaf,
    LeafInput,
    LeafKind,
    RequestsConfig,
    SelectFrozenConfig,
    StageConfig,
    StageInput,
    StageKind,
    StageNode,
    TrainConfig,
    TrainPartConfig,
)
from cftray.plan.sweeping import build_sweep_plan

__all__ = [
    "CODE_VERSION",
    "ContaminationConfig",
    "EvaluateConfig",
    "GateConfig",
    "GatherConfig",
    "GenerateConfig",
    "JudgeConfig",
    "Known",
    "Leaf",
    "LeafInput",
    "LeafKind",
    "MiniRowsConfig",
    "MixConfig",
    "Outcome",
    "OverlapConfig",
    "Pack",
    "PackTask",
    "Plan",
    "ReadRowsConfig",
    "ReplayPromptsConfig",
    "RequestsConfig",
    "RowsSource",
    "Rung",
    "SelectFrozenConfig",
    "StageConfig",
    "StageInput",
    "StageKind",
    "StageNode",
    "TokenizeConfig",
    "TrainConfig",
    "TrainPartConfig",
    "TranslateConfig",
    "Trial",
    "build_evaluation_plan",
    "build_plan",
    "build_similarity_plan",
    "build_sweep_plan",
    "canonical",
    "encoder_leaf",
    "fingerprint_of",
    "model_leaf",
    "sha256_of",
]
