"""Which instruction data: files of one's own, or the miniature world's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from cftray.spec.base import SpecModel
from cftray.spec.translation import LanguageCode, TranslationGate, Translator


class Adapter(StrEnum):
    """How a file's records become instruction, input and response."""

    ALPACA = "alpaca"


class MiniDataset(StrEnum):
    """Data sets of the miniature world (`docs/miniature.md`)."""

    ALPACA = "alpaca-mini"
    MULTIALPACA = "multialpaca-mini"
    INSTRUCT = "instruct-mini"
    OPENORCA = "openorca-mini"
    MULTI_OPENORCA = "multi-openorca-mini"


MULTILINGUAL = (MiniDataset.MULTIALPACA, MiniDataset.MULTI_OPENORCA)
"""The sets of the miniature with an English counterpart for each row, aligned by id."""


class Alignment(StrEnum):
    """How rows find their English counterparts: by an id both carry, by their place, or not at all."""

    ID = "id"
    LINE = "line"
    NONE = "none"


class EnglishCounterpart(SpecModel):
    """The English set that a multilingual one was made from; replay draws its prompts from it.

    Under `id` both files' records carry the same value in the field `key`; under `line` the n-th record
    of one is that of the other; under `none` the sets only share their kind of task.
    """

    path: Annotated[str, Field(min_length=1, max_length=4096, description="file or glob; .json or .jsonl")]
    adapter: Adapter = Adapter.ALPACA
    alignment: Alignment
    key: Annotated[str, Field(min_length=1, max_length=256)] = "id"


class TranslatedEnglish(SpecModel):
    """English instructions for a set that has no English counterpart: its own, translated.

    Instructions and inputs only, which is all that generative replay asks the P1 model; there is no response to
    replay. `samples` of the set's rows are translated, drawn with `sample_seed`; left out, all are.
    """

    translator: Translator
    gate: TranslationGate = TranslationGate()
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0


def _which_english(value: object) -> Literal["set", "translated"]:
    translated = "translator" in value if isinstance(value, dict) else isinstance(value, TranslatedEnglish)
    return "translated" if translated else "set"


English = Annotated[
    Annotated[EnglishCounterpart, Tag("set")] | Annotated[TranslatedEnglish, Tag("translated")],
    Discriminator(_which_english),
]


class FileData(SpecModel):
    """Records in one file or in all files that a glob pattern matches, in order of their names.

    `samples` draws that many rows with `sample_seed`; left out, all rows are used.
    """

    path: Annotated[str, Field(min_length=1, max_length=4096, description="file or glob; .json or .jsonl")]
    adapter: Adapter = Adapter.ALPACA
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code of all rows")] = "en"
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0
    english: Annotated[English | None, Field(description="needed by replay only")] = None


class MiniData(SpecModel):
    """A data set that the miniature world generates."""

    mini: MiniDataset
    samples: Annotated[int, Field(ge=1, le=100_000)] = 3000
    sample_seed: int = 0


def _which_source(value: object) -> Literal["mini", "file"]:
    mini = "mini" in value if isinstance(value, dict) else isinstance(value, MiniData)
    return "mini" if mini else "file"


Own = Annotated[Annotated[MiniData, Tag("mini")] | Annotated[FileData, Tag("file")], Discriminator(_which_source)]


class TranslatedData(SpecModel):
    """An English set in other languages; the English set is its counterpart, aligned by id.

    Each row is translated into each language of `into`, unless its task can't be or the translation fails the
    gate. `samples` draws that many of all rows of all languages together; left out, all are used.
    """

    translate: Own
    into: Annotated[tuple[LanguageCode, ...], Field(min_length=1, max_length=200)]
    translator: Translator
    gate: TranslationGate = TranslationGate()
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0

    @field_validator("into")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("each language once")
        return value


def _which(value: object) -> Literal["mini", "file", "translated"]:
    if "translate" in value if isinstance(value, dict) else isinstance(value, TranslatedData):
        return "translated"
    return _which_source(value)


DataSpec = Annotated[
    Annotated[MiniData, Tag("mini")] | Annotated[FileData, Tag("file")] | Annotated[TranslatedData, Tag("translated")],
    Discriminator(_which),
]
