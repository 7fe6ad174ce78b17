"""Which instruction data: files of one's own, or the miniature world's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from cftray.spec.base import SpecModel


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


class FileData(SpecModel):
    """Records in one file or in all files that a glob pattern matches, in order of their names.

    `samples` draws that many rows with `sample_seed`; left out, all rows are used.
    """

    path: Annotated[str, Field(min_length=1, max_length=4096, description="file or glob; .json or .jsonl")]
    adapter: Adapter = Adapter.ALPACA
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code of all rows")] = "en"
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0
    english: Annotated[EnglishCounterpart | None, Field(description="needed by replay only")] = None


class MiniData(SpecModel):
    """A data set that the miniature world generates."""

    mini: MiniDataset
    samples: Annotated[int, Field(ge=1, le=100_000)] = 3000
    sample_seed: int = 0


def _which(value: object) -> Literal["mini", "file"]:
    mini = "mini" in value if isinstance(value, dict) else isinstance(value, MiniData)
    return "mini" if mini else "file"


DataSpec = Annotated[Annotated[MiniData, Tag("mini")] | Annotated[FileData, Tag("file")], Discriminator(_which)]
