"""How a row becomes text. The template's text is part of an experiment's identity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from cftray.spec.base import SpecModel

NamedTemplate = Literal["chat", "alpaca"]


class TextTemplate(SpecModel):
    """A Jinja chat template given in the spec, over `messages`, `bos_token`, `eos_token` and
    `add_generation_prompt`, as Hugging Face's tokenizers use them."""

    text: Annotated[str, Field(min_length=1, max_length=65_536)]


def _which(value: object) -> Literal["name", "text"]:
    return "text" if isinstance(value, dict | TextTemplate) else "name"


Template = Annotated[
    Annotated[NamedTemplate, Tag("name")] | Annotated[TextTemplate, Tag("text")], Discriminator(_which)
]
