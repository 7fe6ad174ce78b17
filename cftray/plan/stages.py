"""What a stage is, as data: kind, identity, inputs, fingerprint.

A stage's config is its identity; where it runs is not in it. `CODE_VERSION` of a kind is raised by
hand when a change of the code changes the kind's results.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from cftray.plan.analysis_stages import CrosslingualConfig, DesConfig, MpdConfig, RepresentationsConfig
from cftray.plan.data_stages import (
    ContaminationConfig,
    GatherConfig,
    MiniRowsConfig,
    MixConfig,
    OverlapConfig,
    ReadRowsConfig,
    ReplayPromptsConfig,
    TokenizeConfig,
    TranslateConfig,
)
from cftray.spec.base import SpecModel
from cftray.spec.endpoint import EndpointModel
from cftray.spec.evaluation import Benchmark, Condition, Suite, TaskPack
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.spec.mitigation import Decoding, LowRank
from cftray.spec.template import Template


class StageKind(StrEnum):
    """The kinds of work; the runner alone maps them to code."""

    MINI_ROWS = "mini_rows"
    READ_ROWS = "read_rows"
    TRANSLATE = "translate"
    GATHER = "gather"
    TOKENIZE = "tokenize"
    REPLAY_PROMPTS = "replay_prompts"
    OVERLAP = "overlap"
    CONTAMINATION = "contamination"
    GENERATE = "generate"
    MIX = "mix"
    SELECT_FROZEN = "select_frozen"
    TRAIN = "train"
    TRAIN_PART = "train_part"
    REQUESTS = "requests"
    EVALUATE = "evaluate"
    JUDGE = "judge"
    GATE = "gate"
    DES = "des"
    MPD = "mpd"
    REPRESENTATIONS = "representations"
    CROSSLINGUAL = "crosslingual"


CODE_VERSION: dict[StageKind, int] = {
    StageKind.MINI_ROWS: 1,
    StageKind.READ_ROWS: 2,
    StageKind.TRANSLATE: 1,
    StageKind.GATHER: 1,
    StageKind.TOKENIZE: 2,
    StageKind.REPLAY_PROMPTS: 1,
    StageKind.OVERLAP: 1,
    StageKind.CONTAMINATION: 1,
    StageKind.GENERATE: 2,
    StageKind.MIX: 1,
    StageKind.SELECT_FROZEN: 1,
    StageKind.TRAIN: 1,
    StageKind.TRAIN_PART: 1,
    StageKind.REQUESTS: 2,
    StageKind.EVALUATE: 4,
    StageKind.JUDGE: 1,
    StageKind.GATE: 1,
    StageKind.DES: 1,
    StageKind.MPD: 1,
    StageKind.REPRESENTATIONS: 2,
    StageKind.CROSSLINGUAL: 1,
}


class GenerateConfig(SpecModel):
    """A model answers prompts. Inputs: `prompts` (rows), `model`, `tokenizer` (prompts both phases alike)."""

    kind: Literal["generate"] = "generate"
    template: Template
    decoding: Decoding
    max_new_tokens: int
    precision: Precision
    seed: int


class SelectFrozenConfig(SpecModel):
    """Which parameters phase 2 leaves alone. Inputs: `base` and `model`, what phase 1 made of it.

    `seed` counts for `lf_h1` alone, null otherwise. `k` null: in proportion to the depth.
    """

    kind: Literal["select_frozen"] = "select_frozen"
    method: Literal["lf_h1", "lf_h2"]
    k: int | None
    seed: int | None


class TrainConfig(SpecModel):
    """One phase of fine-tuning, full unless `lora`. Inputs: `model` (weights to start from), `data` (tokens),
    and, where parts are frozen, `frozen` (a selection)."""

    kind: Literal["train"] = "train"
    phase: Literal[1, 2]
    hyperparameters: Hyperparameters
    template: Template
    seed: int
    lora: LowRank | None = None


class TrainPartConfig(SpecModel):
    """The beginning of a phase: `share` of the steps of `whole`, under the whole's schedule. Inputs: the whole's.

    Its checkpoint is the whole's too, which may go on from it.
    """

    kind: Literal["train_part"] = "train_part"
    whole: TrainConfig
    share: float


class RequestsConfig(SpecModel):
    """What a pack's tasks ask of any model, as tokens, in batches that are fixed here once for all models.

    Inputs: `tokenizer`, the model that phase 1 started from or adopted: its tokenizer and chat template prompt P1
    and P2 alike, whatever P2 was trained with; and the files of each benchmark that does not come with the pack,
    by its name.
    """

    kind: Literal["requests"] = "requests"
    suites: tuple[Suite, ...]
    benchmarks: tuple[Benchmark, ...] | None = None
    languages: tuple[str, ...] | None = None
    pack: TaskPack
    pack_digest: str
    batch_size: int
    limit: int | None
    template: Template


class EvaluateConfig(SpecModel):
    """Zero-shot scores of a model. Inputs: `model`, and those of the `requests` with them."""

    kind: Literal["evaluate"] = "evaluate"
    suites: tuple[Suite, ...]
    benchmarks: tuple[Benchmark, ...] | None = None
    languages: tuple[str, ...] | None = None
    pack: TaskPack
    pack_digest: str
    limit: int | None
    template: Template
    precision: Precision


class JudgeConfig(SpecModel):
    """A model's answers to AlpacaEval beside the reference's, as a judge sees them. Inputs: `items` (an evaluation's)
    and `reference` (the benchmark's files).

    `prompt` is a prompt's name and version, `prompt_sha256` the digest of its text, which stands in the code.
    """

    kind: Literal["judge"] = "judge"
    judge: EndpointModel
    prompt: str
    prompt_sha256: str
    max_tokens: int
    pack: TaskPack
    pack_digest: str
    limit: int | None


class GateConfig(SpecModel):
    """Whether P1's scores allow phase 2: all conditions hold. Inputs: `scores` (an evaluation), and `judged` where
    a condition needs a judge."""

    kind: Literal["gate"] = "gate"
    conditions: tuple[Condition, ...]


StageConfig = Annotated[
    MiniRowsConfig
    | ReadRowsConfig
    | TranslateConfig
    | GatherConfig
    | TokenizeConfig
    | ReplayPromptsConfig
    | OverlapConfig
    | ContaminationConfig
    | GenerateConfig
    | MixConfig
    | SelectFrozenConfig
    | TrainConfig
    | TrainPartConfig
    | RequestsConfig
    | EvaluateConfig
    | JudgeConfig
    | GateConfig
    | DesConfig
    | MpdConfig
    | RepresentationsConfig
    | CrosslingualConfig,
    Field(discriminator="kind"),
]


class LeafKind(StrEnum):
    """What a leaf is: a model's or a sentence encoder's directory or hub id, data files, or a data set of the hub."""

    MODEL = "model"
    ENCODER = "encoder"
    FILES = "files"
    HUB_SET = "hub_set"


class Leaf(SpecModel):
    """An input from outside: hashed by content (directory, files) or by commit (hub id).

    Names of files count where `named`: there they say a row's language. `patterns` are the files of a hub's set that
    are fetched, or of a local folder that are read; empty: all that hold data.
    """

    kind: LeafKind
    location: str
    revision: str | None = None
    named: bool = False
    patterns: tuple[str, ...] = ()


class LeafInput(SpecModel):
    """An input that is a leaf; `digest` is null until the leaf has been hashed."""

    leaf: Leaf
    digest: str | None = None


class StageInput(SpecModel):
    """An input that another stage of the same plan makes; `output` is null where its kind's main one is meant."""

    stage: str
    output: str | None = None


class StageNode(SpecModel):
    """One stage of a plan. `name` is unique in the plan: `train.p1.s17`.

    `gated_by` names gates before it; it is left out once all of them are closed. An `optional` stage's failure does not
    fail the experiment. `continues` names stages before it from whose checkpoints it may go on. None of these is part
    of the fingerprint.
    """

    name: str
    title: str
    config: StageConfig
    inputs: dict[str, LeafInput | StageInput]
    fingerprint: str | None = None
    gated_by: tuple[str, ...] = ()
    optional: bool = False
    continues: tuple[str, ...] = ()

    @property
    def kind(self) -> StageKind:
        """The stage's kind."""
        return StageKind(self.config.kind)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the stages whose outputs this one reads."""
        return tuple(source.stage for source in self.inputs.values() if isinstance(source, StageInput))
