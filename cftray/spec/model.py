"""Which model: a directory, a hub id, or the miniature's base."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from cftray.spec.base import SpecModel

MINI_BASE = "mini:base"
MINI_ENCODER = "mini:encoder"
"""The miniature's sentence encoder, where a sentence encoder is asked for."""


class ModelRef(SpecModel):
    """A causal language model in Hugging Face's layout with safetensors weights.

    `model` is a directory, a hub id such as `mistralai/Mistral-7B-v0.1`, or `mini:base`. A string
    in the place of this object means `{model: string}`. A hub revision is resolved to a commit when
    the experiment is planned, and the commit is the identity; a directory counts by its content.
    """

    model: Annotated[str, Field(min_length=1, max_length=4096)]
    revision: Annotated[str | None, Field(max_length=128)] = None

    @model_validator(mode="before")
    @classmethod
    def _accept_name(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value
