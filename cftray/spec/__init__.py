"""What an experiment is: frozen pydantic models that refuse unknown fields.

Identity (what changes a result) and execution (where and how it runs) are apart: `execution` is
never part of a fingerprint. The one schema serves YAML, JSON and Python.
"""

from cftray.spec.data import (
    Adapter,
    Alignment,
    DataSpec,
    EnglishCounterpart,
    EnglishHubSet,
    FileData,
    HubData,
    HubSet,
    MiniData,
    TranslatedData,
    TranslatedEnglish,
)
from cftray.spec.endpoint import EndpointModel
from cftray.spec.evaluating import ModelEvaluationSpec
from cftray.spec.evaluation import Benchmark, BenchmarkFiles, Condition, EvaluationSpec, JudgeSpec, Suite, TaskPack
from cftray.spec.execution import CheckpointPolicy, EndpointBudget, ExecutionSpec, Offload
from cftray.spec.experiment import ExperimentSpec
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.spec.loading import (
    evaluation_from_document,
    experiment_from_document,
    experiment_from_file,
    faults_of,
    parse_document,
    similarity_from_document,
)
from cftray.spec.mitigation import (
    ChangeFreezing,
    Combined,
    Decoding,
    EnglishReplay,
    GenerativeReplay,
    LowRank,
    Mitigation,
    NoMitigation,
    RandomFreezing,
    Replay,
    frozen_layers,
    label_of,
    parts_of,
)
from cftray.spec.model import ModelRef
from cftray.spec.phases import Phase1, Phase2, TrainedPhase
from cftray.spec.similarity import NamedSet, SimilaritySpec
from cftray.spec.sweep import SweepSpec
from cftray.spec.template import NamedTemplate, Template, TextTemplate

__all__ = [
    "Adapter",
    "Alignment",
    "Benchmark",
    "BenchmarkFiles",
    "ChangeFreezing",
    "CheckpointPolicy",
    "Combined",
    "Condition",
    "DataSpec",
    "Decoding",
    "EndpointBudget",
    "EndpointModel",
    "EnglishCounterpart",
    "EnglishHubSet",
    "EnglishReplay",
    "EvaluationSpec",
    "ExecutionSpec",
    "ExperimentSpec",
    "FileData",
    "GenerativeReplay",
    "HubData",
    "HubSet",
    "Hyperparameters",
    "JudgeSpec",
    "LowRank",
    "MiniData",
    "Mitigation",
    "ModelEvaluationSpec",
    "ModelRef",
    "NamedSet",
    "NamedTemplate",
    "NoMitigation",
    "Offload",
    "Phase1",
    "Phase2",
    "Precision",
    "RandomFreezing",
    "Replay",
    "SimilaritySpec",
    "Suite",
    "SweepSpec",
    "TaskPack",
    "Template",
    "TextTemplate",
    "TrainedPhase",
    "TranslatedData",
    "TranslatedEnglish",
    "evaluation_from_document",
    "experiment_from_document",
    "experiment_from_file",
    "faults_of",
    "frozen_layers",
    "label_of",
    "parse_document",
    "parts_of",
    "similarity_from_document",
]
