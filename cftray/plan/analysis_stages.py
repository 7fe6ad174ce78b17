"""The stages that say how alike data sets and models are. Nothing that is trained depends on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftray.spec.base import SpecModel

DesText = Literal["rendered", "instruction"]
"""What of a row is embedded: `rendered` is system text, instruction, input and response, a line break between, without
a template's own words, which are the same in every row of every set."""

PAPER_SAMPLES = 500
"""Rows a side (paper, section 3.1)."""


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
