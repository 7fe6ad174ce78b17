"""Configs of the stages that look into models: hidden activations of a pair, and languages side by side.

What the paper leaves open (sections 3.2 and D.3) is a field here: how a prompt becomes tokens, which tokens count
in a mean, whether the last layer is taken before or behind the final norm, t-SNE's settings.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.hyperparameters import Precision
from cftray.spec.template import Template

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


class RepresentationsConfig(SpecModel):
    """Hidden activations of one model or of a pair (paper, Figures 1, 2 and D4).

    Inputs: `first`, `second` (left out for one model alone), `tokenizer`, whose tokenizer and template prompt both
    alike, and `prompts` where they are a file.
    """

    kind: Literal["representations"] = "representations"
    prompts: Prompts = MiniPrompts()
    forward: ForwardSettings = ForwardSettings()
    tsne: TsneSettings = TsneSettings()
    labels: Annotated[tuple[str, str], Field(description="what the figures call the models")] = ("P1", "P2")


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


class CrosslingualConfig(SpecModel):
    """How near a model's activations for the same sentence in two languages are (paper, Figure D3).

    Inputs: `model`, `tokenizer`, and `sentences` where they are files. `layer` null: the middle one; it is the
    layer whose sentences are drawn.
    """

    kind: Literal["crosslingual"] = "crosslingual"
    sentences: Sentences = MiniSentences()
    forward: ForwardSettings = ForwardSettings()
    tsne: TsneSettings = TsneSettings()
    layer: Annotated[int | None, Field(ge=0)] = None
    label: Annotated[str, Field(description="what the figures call the model")] = "base"
