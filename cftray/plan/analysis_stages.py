"""The stages that say how alike data sets and models are, and what changed inside. Nothing trained depends on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.analysis import (
    PAPER_SAMPLES,
    DesText,
    ForwardSettings,
    MiniPrompts,
    MiniSentences,
    Prompts,
    Sentences,
    TsneSettings,
)
from cftray.spec.base import SpecModel


class MpdConfig(SpecModel):
    """How far two models of one architecture are from each other. Inputs: `first` and `second`, model folders.

    For the paper's figure they are one base tuned on D1 and the same base tuned on D2 alone.
    """

    kind: Literal["mpd"] = "mpd"


class DesConfig(SpecModel):
    """How alike data sets are to a sentence encoder. Inputs: `encoder`, and two or more sets of rows by their names.

    `samples` rows of each are drawn by `seed` and its content, so that what is drawn of a set does not depend
    on what it is compared with.
    """

    kind: Literal["des"] = "des"
    samples: Annotated[int, Field(ge=2)] = PAPER_SAMPLES
    seed: int
    text: DesText = "rendered"


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
