"""How rows are translated: by what, and what a translation has to pass. All of it is identity.

None of it is in the paper, which takes translated sets as they come. Thresholds that nobody has measured say so.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from cftray.errors import nearest
from cftray.spec.base import SpecModel
from cftray.spec.endpoint import EndpointModel
from cftray.spec.hyperparameters import Precision
from cftray.spec.languages import LANGUAGES, language_of
from cftray.spec.model import ModelRef


def _known(code: str) -> str:
    language = language_of(code)
    if language is None:
        raise ValueError(f"an ISO 639 code: {nearest(code, LANGUAGES)}")
    return language.code


LanguageCode = Annotated[str, AfterValidator(_known), Field(description="ISO 639-1, or 639-3 where there is none")]
"""A language that CFTRay can name; three-letter codes become the two-letter ones."""


class DictionaryTranslator(SpecModel):
    """The miniature world's own phrase book: its sentences in its six languages, and no others."""

    kind: Literal["dictionary"] = "dictionary"
    batch_size: Annotated[int, Field(ge=1, le=4096, description="rows that are translated together")] = 256


class Seq2SeqSettings(SpecModel):
    """How a sequence-to-sequence model translates, whichever it is.

    `family` says how it is told the languages. `window` is the most tokens of one sentence (NLLB degrades past
    about 200); longer ones are split at clauses. The second try takes twice the beams, at least four.
    """

    kind: Literal["seq2seq"] = "seq2seq"
    family: Literal["nllb", "m2m100", "madlad"]
    precision: Precision = Precision.FP32
    beams: Annotated[int, Field(ge=1, le=64)] = 1
    window: Annotated[int, Field(ge=8, le=4096)] = 200
    batch_size: Annotated[int, Field(ge=1, le=4096, description="rows that are translated together")] = 32
    sentences: Annotated[int, Field(ge=1, le=4096, description="sentences in one pass of the model")] = 64


class Seq2SeqTranslator(Seq2SeqSettings):
    """A sequence-to-sequence model of the Hugging Face layout, in a pool of workers."""

    model: ModelRef


class EndpointTranslator(EndpointModel):
    """A chat model behind an OpenAI-compatible endpoint.

    What such a service answers can change under one name; the record says so. Texts are sent whole, and line by
    line in the second try. `execution.endpoint_budget` bounds what a language's stage may ask.
    """

    kind: Literal["endpoint"] = "endpoint"
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000, description="of one answer")] = 4096
    batch_size: Annotated[int, Field(ge=1, le=4096, description="rows that are asked together")] = 32


Translator = Annotated[DictionaryTranslator | Seq2SeqTranslator | EndpointTranslator, Field(discriminator="kind")]


class SimilarityGate(SpecModel):
    """The cosine of source and translation under a sentence encoder; a `threshold` of 0.7 is not measured."""

    model: ModelRef
    threshold: Annotated[float, Field(ge=-1, le=1)] = 0.7


class GateSettings(SpecModel):
    """What is looked at in every translation, besides protected spans, the lines' structure and repetition.

    `min_ratio` and `max_ratio` bound characters of translation over characters of source, in each field that is
    long enough to tell. `language` identifies the result's language.
    """

    min_ratio: Annotated[float, Field(gt=0, le=1)] = 0.2
    max_ratio: Annotated[float, Field(ge=1, le=100)] = 3.0
    language: bool = True


class TranslationGate(GateSettings):
    """What a translated row has to pass; a row that fails is tried once more, then set aside with the reason."""

    similarity: SimilarityGate | None = None
