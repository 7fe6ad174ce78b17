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


class FileData(SpecModel):
    """Records in one file or in all files that a glob pattern matches, in order of their names.

    `samples` draws that many rows with `sample_seed`; left out, all rows are used.
    """

    path: Annotated[str, Field(min_length=1, max_length=4096, description="file or glob; .json or .jsonl")]
    adapter: Adapter = Adapter.ALPACA
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}$", description="ISO 639 code of all rows")] = "en"
    samples: Annotated[int | None, Field(ge=1)] = None
    sample_seed: int = 0


class MiniData(SpecModel):
    """A data set that the miniature world generates."""

    mini: MiniDataset
    samples: Annotated[int, Field(ge=1, le=100_000)] = 3000
    sample_seed: int = 0


def _which(value: object) -> Literal["mini", "file"]:
    mini = "mini" in value if isinstance(value, dict) else isinstance(value, MiniData)
    return "mini" if mini else "file"


DataSpec = Annotated[Annotated[MiniData, Tag("mini")] | Annotated[FileData, Tag("file")], Discriminator(_which)]
