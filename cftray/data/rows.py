"""One instruction sample, whatever file it came from.

Every adapter, generator and translator speaks `Row`; templates and tokenisation read nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An instruction with its response.

    `id` is unique in its data set and stable across runs. `language` is an ISO 639-1 code, or
    `und` where the data set does not say. `english_id` is the id of the row's English counterpart,
    where the data set is aligned by id.
    """

    id: str
    instruction: str
    output: str
    input: str = ""
    system: str = ""
    language: str = "en"
    english_id: str | None = None
