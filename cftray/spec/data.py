"""Which instruction data: files of one's own, a set of the hub, or the miniature world's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from cftray.spec.base import SpecModel
from cftray.spec.rows import Code, Column, Columns, Languages, LanguageShare, ReadingRules, shares_of
from cftray.spec.translation import LanguageCode, TranslationGate, Translator


class Adapter(StrEnum):
    """How a file's records become instruction, input and response (`docs/data.md`)."""

    ALPACA = "alpaca"
    MULTIALPACA = "multialpaca"
    OPENORCA = "openorca"
    DOLLY = "dolly"
    CHAT = "chat"
    COLUMNS = "columns"


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


Location = Annotated[
    str, Field(min_length=1, max_length=4096, description="file, glob pattern, folder, or URL (file://, s3://, …)")
]


class Records(SpecModel):
    """How records become rows, wherever they lie."""

    adapter: Adapter = Adapter.ALPACA
    columns: Annotated[Columns | None, Field(description="which fields to read; with adapter: columns")] = None
    rules: ReadingRules = ReadingRules()

    @model_validator(mode="after")
    def _columns_with_their_adapter(self) -> Self:
        if (self.adapter is Adapter.COLUMNS) != (self.columns is not None):
            raise ValueError("adapter: columns and columns: {instruction, output, …} go together; give both or neither")
        return self


class HubSet(SpecModel):
    """A data set of the Hugging Face hub. The revision becomes a commit, which is its identity."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$", max_length=256)]
    revision: Annotated[str | None, Field(max_length=256, description="branch, tag or commit; null: main")] = None
    config: Annotated[str | None, Field(max_length=256, description="the set's configuration")] = None
    split: Annotated[str, Field(min_length=1, max_length=256)] = "train"


class EnglishCounterpart(Records):
    """The English set that a multilingual one was made from; replay draws its prompts from it.

    Under `id` both files' records carry the same value in the field `key`; under `line` the n-th record
    of one is that of the other; under `none` the sets only share their kind of task.
    """

    path: Location
    alignment: Alignment
    key: Column = "id"


class EnglishHubSet(Records):
    """An English counterpart that lies on the hub."""

    hub: HubSet
    alignment: Alignment
    key: Column = "id"


class TranslatedEnglish(SpecModel):
    """English instructions for a set that has no English counterpart: its own, translated.

    Instructions and inputs only, which is all that generative replay asks the P1 model; there is no response to
    replay. `samples` of the set's rows are translated, drawn with `sample_seed`; left out, all are.
    """

    translator: Translator
    gate: TranslationGate = TranslationGate()
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0


def _where(value: object) -> Literal["hub", "translated", "file"]:
    if isinstance(value, dict):
        return "hub" if "hub" in value else "translated" if "translator" in value else "file"
    if isinstance(value, EnglishHubSet):
        return "hub"
    return "translated" if isinstance(value, TranslatedEnglish) else "file"


English = Annotated[
    Annotated[EnglishHubSet, Tag("hub")]
    | Annotated[TranslatedEnglish, Tag("translated")]
    | Annotated[EnglishCounterpart, Tag("file")],
    Discriminator(_where),
]


class Sampled(Records):
    """Rows of a phase: their languages, and how many are drawn.

    `samples` draws that many rows with `sample_seed`; left out, all rows are used. `proportions` are the
    languages' shares of them; without `samples`, as many rows as the shares allow.
    """

    language: Annotated[Code, Field(description="ISO 639 code of all rows")] = "en"
    languages: Annotated[Languages | None, Field(description="in place of language, where there are several")] = None
    samples: Annotated[int | None, Field(ge=1)] = None
    proportions: Annotated[
        tuple[LanguageShare, ...], BeforeValidator(shares_of), Field(description="{es: 0.7, ja: 0.3}")
    ] = ()
    sample_seed: int = 0
    english: Annotated[English | None, Field(description="needed by replay only")] = None

    @model_validator(mode="after")
    def _one_way_to_tell_languages(self) -> Self:
        if self.languages is not None and self.language != "en":
            raise ValueError("language is the code of all rows, languages tells each row's: give one of them")
        return self


class FileData(Sampled):
    """Records in one file, in all files that a glob pattern matches, in a folder, or behind a URL.

    Files are read in the order of their names; the suffix says the format: .json, .jsonl, .csv, .tsv or
    .parquet, the text ones also with .gz behind it.
    """

    path: Location

    @property
    def source(self) -> str:
        """Where the rows come from, for people."""
        return self.path


class HubData(Sampled):
    """Records of a data set of the Hugging Face hub."""

    hub: HubSet

    @property
    def source(self) -> str:
        """Where the rows come from, for people."""
        parts = [self.hub.name, *([self.hub.config] if self.hub.config else []), self.hub.split]
        return "/".join(parts) + (f" @ {self.hub.revision}" if self.hub.revision else "")


class MiniData(SpecModel):
    """A data set that the miniature world generates."""

    mini: MiniDataset
    samples: Annotated[int, Field(ge=1, le=100_000)] = 3000
    sample_seed: int = 0

    @property
    def source(self) -> str:
        """Where the rows come from, for people."""
        return self.mini.value


def _which_own(value: object) -> Literal["mini", "hub", "file"]:
    if isinstance(value, dict):
        return "mini" if "mini" in value else "hub" if "hub" in value else "file"
    return "mini" if isinstance(value, MiniData) else "hub" if isinstance(value, HubData) else "file"


Own = Annotated[
    Annotated[MiniData, Tag("mini")] | Annotated[HubData, Tag("hub")] | Annotated[FileData, Tag("file")],
    Discriminator(_which_own),
]


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

    @property
    def source(self) -> str:
        """Where the rows come from, for people."""
        return f"{self.translate.source} in {', '.join(self.into)}"


def _which(value: object) -> Literal["mini", "hub", "file", "translated"]:
    if "translate" in value if isinstance(value, dict) else isinstance(value, TranslatedData):
        return "translated"
    return _which_own(value)


DataSpec = Annotated[
    Annotated[MiniData, Tag("mini")]
    | Annotated[HubData, Tag("hub")]
    | Annotated[FileData, Tag("file")]
    | Annotated[TranslatedData, Tag("translated")],
    Discriminator(_which),
]
