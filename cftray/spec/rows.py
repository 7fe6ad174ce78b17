"""What a row is read from: fields, languages, and the rules for records that are not as they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cftray.spec.base import SpecModel

Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]
"""An ISO 639 code."""

Column = Annotated[str, Field(min_length=1, max_length=256)]
"""A field of a record; dots lead into objects and lists: `instances.0.output`."""


class Columns(SpecModel):
    """Which field holds what. A field that is named must occur; it may be null except where needed."""

    instruction: Column
    output: Column
    input: Column | None = None
    system: Column | None = None
    language: Column | None = None
    id: Column | None = None


class Languages(SpecModel):
    """How each row's language is told where a set holds several.

    `file`: the code that a file's name or folder has (`es.jsonl`, `tasks_es.json`, `es/part-1.parquet`);
    `column`: the value of a field; `detection`: the likeliest of `among` by the row's text. Rows of a
    language that is not `among` are left out and counted.
    """

    by: Literal["file", "column", "detection"]
    column: Column | None = None
    among: Annotated[tuple[Code, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _what_each_way_needs(self) -> Self:
        if (self.by == "column") != (self.column is not None):
            raise ValueError("by: column and column: NAME go together; give both or neither")
        if self.by == "detection" and len(set(self.among)) < 2:
            raise ValueError("by: detection needs among: [xx, yy], two languages or more to tell apart")
        return self


class LanguageShare(SpecModel):
    """A language's share of the rows that are drawn, in proportion to the other shares."""

    language: Code
    share: Annotated[float, Field(gt=0)]


def shares_of(value: object) -> object:
    """`{es: 7, ja: 3}` as the list of shares that it stands for."""
    if isinstance(value, Mapping):
        return [{"language": language, "share": share} for language, share in value.items()]
    return value


class ReadingRules(SpecModel):
    """What becomes of records that are not as they should be; each kind is counted whatever the rule.

    A bad line is one that is not of the file's format, or a record without the adapter's fields.
    Duplicates say word for word what a row before them says.
    """

    bad_lines: Literal["refuse", "drop"] = "refuse"
    max_bad_share: Annotated[float, Field(gt=0, lt=1, description="of all records, where they are dropped")] = 0.001
    empty: Annotated[Literal["refuse", "drop"], Field(description="no instruction or no response")] = "drop"
    duplicates: Literal["refuse", "drop", "keep"] = "keep"
    more_turns: Annotated[
        Literal["refuse", "drop", "first"], Field(description="chats beyond one exchange; first: the first one")
    ] = "first"
    languages: Annotated[
        Literal["check", "ignore"], Field(description="whether a sample of rows is in the language it bears")
    ] = "check"
    max_other_language: Annotated[float, Field(ge=0, le=1, description="share of the sample, under check")] = 0.5
