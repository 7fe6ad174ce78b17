"""What is looked at beside the scores: how alike data sets and models are, and what changed inside.

Its failure never fails an experiment, and nothing that is trained depends on it. What the paper leaves open
(sections 3.2 and D.3) is a field here: how a prompt becomes tokens, which tokens count in a mean, whether the last
layer is taken before or behind the final norm, t-SNE's settings.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from cftray.spec.base import SpecModel
from cftray.spec.data import Location
from cftray.spec.hyperparameters import Precision
from cftray.spec.model import ModelRef
from cftray.spec.template import Template

DesText = Literal["rendered", "instruction"]
"""What of a row is embedded: `rendered` is system text, instruction, input and response, a line break between, without
a template's own words, which are the same in every row of every set."""

PAPER_SAMPLES = 500
"""Rows a side (paper, section 3.1)."""


PROMPTS = 80
"""MT-Bench has as many questions."""


class MiniPrompts(SpecModel):
    """English requests of the miniature world that none of its data sets holds."""

    kind: Literal["mini"] = "mini"
    count: Annotated[int, Field(ge=2, le=1000)] = PROMPTS
    seed: int = 0


class FilePrompts(SpecModel):
    """Prompts from the input `prompts`: MT-Bench's JSON lines (first turns count), or a text file, one a line.

    The first `count` are taken, all where it is null.
    """

    kind: Literal["file"] = "file"
    format: Literal["mt_bench", "lines"] = "mt_bench"
    count: Annotated[int | None, Field(ge=2, le=100_000)] = PROMPTS


Prompts = Annotated[MiniPrompts | FilePrompts, Field(discriminator="kind")]


class ForwardSettings(SpecModel):
    """How texts go through a model. All of it is identity: batches can move a last digit."""

    template: Annotated[
        Template | None, Field(description="null: the text as the tokenizer takes it, with the tokens it adds itself")
    ] = None
    positions: Annotated[
        Literal["all", "text"],
        Field(description="which tokens count in a mean; `text` leaves special tokens out, the begin token among them"),
    ] = "all"
    last_layer: Annotated[
        Literal["normed", "residual"],
        Field(description="the last layer behind the model's final norm, as transformers' hidden_states, or before it"),
    ] = "normed"
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000, description="longer prompts are cut at the end")] = 1024
    batch_size: Annotated[int, Field(ge=1, le=4096, description="prompts in one pass")] = 8
    precision: Precision = Precision.FP32


class TsneSettings(SpecModel):
    """t-SNE in two dimensions; perplexity is lowered to (points - 1) / 3 where there are few points."""

    perplexity: Annotated[float, Field(ge=1, le=1000)] = 30.0
    iterations: Annotated[int, Field(ge=250, le=100_000)] = 1000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


class MiniSentences(SpecModel):
    """Sentences of the miniature world that say the same in each of its languages."""

    kind: Literal["mini"] = "mini"
    count: Annotated[int, Field(ge=3, le=1000)] = 100
    seed: int = 0


class ParallelFiles(SpecModel):
    """Sentences from the input `sentences`, a folder in FLORES' layout: a file a language, aligned by line.

    `languages` empty: all that the folder holds. `count` lines are drawn by `seed`, the same of each language.
    """

    kind: Literal["files"] = "files"
    pivot: str = "en"
    languages: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=3, le=100_000)] = 100
    seed: int = 0


Sentences = Annotated[MiniSentences | ParallelFiles, Field(discriminator="kind")]


class PromptFile(FilePrompts):
    """A file of prompts and where it lies."""

    path: Location


class SentenceFolder(ParallelFiles):
    """A folder of parallel sentences and where it lies."""

    path: Location


class DesAnalysis(SpecModel):
    """Dataset Embedding Similarity of the two phases' data, before anything is trained (paper, section 3.1).

    There is none where phase 1 is adopted, whose data nobody has.
    """

    kind: Literal["des"] = "des"
    encoder: Annotated[
        ModelRef | None, Field(description="null: LaBSE, and the miniature's own encoder where its base is used")
    ] = None
    samples: Annotated[int, Field(ge=2, le=1_000_000)] = PAPER_SAMPLES
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    text: DesText = "rendered"


class MpdAnalysis(SpecModel):
    """Model Parameter Difference of P1 and the base tuned on phase 2's data alone (paper, section 3.1).

    The second of these is trained for this alone, with phase 2's hyperparameters: as much work as phase 2.
    """

    kind: Literal["mpd"] = "mpd"


class RepresentationsAnalysis(SpecModel):
    """Hidden activations of P1 and P2 on the same prompts (paper, section 3.2, Figures 1, 2 and D4)."""

    kind: Literal["representations"] = "representations"
    prompts: Annotated[MiniPrompts | PromptFile, Field(discriminator="kind")] = MiniPrompts()
    forward: ForwardSettings = ForwardSettings()
    tsne: TsneSettings = TsneSettings()


class CrosslingualAnalysis(SpecModel):
    """How near the base model's activations for the same sentence in two languages are (paper, Figure D3)."""

    kind: Literal["crosslingual"] = "crosslingual"
    sentences: Annotated[MiniSentences | SentenceFolder, Field(discriminator="kind")] = MiniSentences()
    forward: ForwardSettings = ForwardSettings()
    tsne: TsneSettings = TsneSettings()
    layer: Annotated[int | None, Field(ge=0)] = None


def _named(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


def _kind(value: Any) -> str | None:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


Analysis = Annotated[
    Annotated[
        Annotated[DesAnalysis, Tag("des")]
        | Annotated[MpdAnalysis, Tag("mpd")]
        | Annotated[RepresentationsAnalysis, Tag("representations")]
        | Annotated[CrosslingualAnalysis, Tag("crosslingual")],
        Discriminator(_kind),
    ],
    BeforeValidator(_named),
]
"""By its name alone (`des`), or with settings (`{kind: des, samples: 200}`)."""
