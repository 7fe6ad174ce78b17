"""What a stage is, as data: kind, identity, inputs, fingerprint.

A stage's config is its identity; where it runs is not in it. `CODE_VERSION` of a kind is raised by
hand when a change of the code changes the kind's results.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.data import Adapter, MiniDataset
from cftray.spec.evaluation import Suite, TaskPack
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.spec.template import Template


class StageKind(StrEnum):
    """The kinds of work; the runner alone maps them to code."""

    MINI_ROWS = "mini_rows"
    TOKENIZE = "tokenize"
    TRAIN = "train"
    EVALUATE = "evaluate"


CODE_VERSION: dict[StageKind, int] = {
    StageKind.MINI_ROWS: 1,
    StageKind.TOKENIZE: 1,
    StageKind.TRAIN: 1,
    StageKind.EVALUATE: 1,
}


class MiniRowsConfig(SpecModel):
    """Rows of a miniature data set, written as JSON lines in Alpaca's fields."""

    kind: Literal["mini_rows"] = "mini_rows"
    dataset: MiniDataset
    samples: int
    sample_seed: int


class TokenizeConfig(SpecModel):
    """Rows to token arrays through a template. `rows` and `model` (its tokenizer) are inputs.

    `adapter` is null where the rows come from a stage, which writes `Row`s.
    """

    kind: Literal["tokenize"] = "tokenize"
    template: Template
    max_length: int
    adapter: Adapter | None = None
    language: str | None = None
    samples: int | None = None
    sample_seed: int = 0


class TrainConfig(SpecModel):
    """One phase of full fine-tuning. Inputs: `model` (weights to start from), `data` (tokens)."""

    kind: Literal["train"] = "train"
    phase: Literal[1, 2]
    hyperparameters: Hyperparameters
    template: Template
    seed: int


class EvaluateConfig(SpecModel):
    """Zero-shot scores of a model. Inputs: `model`, and `tokenizer`, the model that phase 1 started from
    or adopted: its tokenizer and chat template prompt P1 and P2 alike, whatever P2 was trained with."""

    kind: Literal["evaluate"] = "evaluate"
    suites: tuple[Suite, ...]
    pack: TaskPack
    pack_digest: str
    batch_size: int
    limit: int | None
    template: Template
    precision: Precision


StageConfig = Annotated[
    MiniRowsConfig | TokenizeConfig | TrainConfig | EvaluateConfig, Field(discriminator="kind")
]


class LeafKind(StrEnum):
    """What a leaf is: a model directory or hub id, or data files."""

    MODEL = "model"
    FILES = "files"


class Leaf(SpecModel):
    """An input from outside: hashed by content (directory, files) or by commit (hub id)."""

    kind: LeafKind
    location: str
    revision: str | None = None


class LeafInput(SpecModel):
    """An input that is a leaf; `digest` is null until the leaf has been hashed."""

    leaf: Leaf
    digest: str | None = None


class StageInput(SpecModel):
    """An input that another stage of the same plan makes."""

    stage: str


class StageNode(SpecModel):
    """One stage of a plan. `name` is unique in the plan: `train.p1.s17`."""

    name: str
    title: str
    config: StageConfig
    inputs: dict[str, LeafInput | StageInput]
    fingerprint: str | None = None

    @property
    def kind(self) -> StageKind:
        """The stage's kind."""
        return StageKind(self.config.kind)

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the stages whose outputs this one reads."""
        return tuple(source.stage for source in self.inputs.values() if isinstance(source, StageInput))
