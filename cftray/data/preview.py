"""What a model will see of a data set: a few rows token by token, and figures over many.

Rows are rendered and cut as the stage that tokenises them does; `tokenizers` and `jinja2` suffice, so the
control plane answers. Which rows are looked at, `looking` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tokenizers import Tokenizer

from cftray.data.looking import Choice, Looked
from cftray.data.rows import Row
from cftray.data.templates import load_template, tokenizer_config
from cftray.errors import ModelError
from cftray.spec import Template
from cftray.spec.base import SpecModel

BATCH = 250

TokenKind = Literal["text", "special", "unknown"]


class PreviewToken(SpecModel):
    """A token with its part of the row's text: laid together, the parts are the text.

    A character of several tokens stands in the first of them. `unknown` is text that the tokenizer has no
    token for, `special` one that stands for itself, such as the end of a response.
    """

    text: str
    supervised: bool
    kind: TokenKind = "text"


class PreviewRow(SpecModel):
    """A row as the model sees it, cut at the phase's maximum length; `length` is that of the whole."""

    id: str
    language: str
    length: int
    tokens: tuple[PreviewToken, ...]


class Lengths(SpecModel):
    """Tokens of a row before it is cut."""

    median: int
    p95: int
    longest: int


class LanguageTokens(SpecModel):
    """One language's part in the rows looked at, as far as they are learned from."""

    rows: int
    tokens: int
    supervised: int


class DataPreview(SpecModel):
    """`looked_at` rows are all there are, drawn evenly from `out_of`, or the first of them (`choice`).

    `out_of` is null where the files are too large to be counted meanwhile. `empty` records among those read
    have no instruction or no response. Rows without a supervised token are left out of training. A border
    token spans prompt and response, and is not learned.
    """

    rows: tuple[PreviewRow, ...]
    looked_at: int
    out_of: int | None
    choice: Choice
    empty: int
    max_length: int
    lengths: Lengths
    truncated: int
    truncated_share: float
    without_supervised_tokens: int
    border_tokens: int
    unknown_tokens: int
    languages: dict[str, LanguageTokens]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A row as tokens: `ids`, their `offsets` in `text` and which are learned, cut; `length` before that."""

    row: Row
    text: str
    border: int
    length: int
    ids: Sequence[int]
    offsets: Sequence[tuple[int, int]]
    supervised: Sequence[bool]


class Viewer:
    """A model's tokenizer and a template, as the tokenising stage uses them."""

    def __init__(self, template: Template, model_dir: Path) -> None:
        """Raises ModelError where the folder has no fast tokenizer, or not the template that is asked for."""
        path = model_dir / "tokenizer.json"
        if not path.is_file():
            raise ModelError(f"{model_dir.name}: has no tokenizer.json; save it with a fast tokenizer")
        self.template = load_template(template, model_dir)
        self.tokenizer = Tokenizer.from_file(str(path))
        self._special = {number: token.content for number, token in self.tokenizer.get_added_tokens_decoder().items()}
        unknown = tokenizer_config(model_dir).get("unk_token")
        self._unknown = self.tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None

    def preview(self, looked: Looked, *, max_length: int, shown: int) -> DataPreview:
        """The first `shown` of the rows, and figures over all. Raises DataError where a row can't be rendered."""
        seen = list(self._seen(looked.rows, max_length))
        learned = [one for one in seen if any(one.supervised)]
        truncated = sum(one.length > max_length for one in seen)
        return DataPreview(
            rows=tuple(self._shown(one) for one in seen[:shown]),
            looked_at=len(seen),
            out_of=looked.out_of,
            choice=looked.choice,
            empty=looked.empty,
            max_length=max_length,
            lengths=lengths_of([one.length for one in seen]),
            truncated=truncated,
            truncated_share=truncated / len(seen),
            without_supervised_tokens=len(seen) - len(learned),
            border_tokens=sum(start < one.border < end for one in seen for start, end in one.offsets),
            unknown_tokens=sum(map(self._unknown_in, seen)),
            languages=_languages(learned),
        )

    def _seen(self, rows: Sequence[Row], max_length: int) -> Iterator[_Seen]:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            rendered = [self.template.render(row) for row in batch]
            texts = [one.prompt + one.response for one in rendered]
            encodings = self.tokenizer.encode_batch(texts, add_special_tokens=False)
            for row, one, text, encoding in zip(batch, rendered, texts, encodings, strict=True):
                offsets, border = encoding.offsets[:max_length], len(one.prompt)
                yield _Seen(
                    row=row,
                    text=text,
                    border=border,
                    length=len(encoding.ids),
                    ids=encoding.ids[:max_length],
                    offsets=offsets,
                    supervised=[index > 0 and begin >= border for index, (begin, _) in enumerate(offsets)],
                )

    def _shown(self, one: _Seen) -> PreviewRow:
        tokens, place = [], 0
        for index, (_, end) in enumerate(one.offsets):
            text = one.text[place : max(end, place)]
            tokens.append(PreviewToken(text=text, supervised=one.supervised[index], kind=self._kind(one, index)))
            place += len(text)
        return PreviewRow(id=one.row.id, language=one.row.language, length=one.length, tokens=tuple(tokens))

    def _unknown_in(self, one: _Seen) -> int:
        places = (index for index, number in enumerate(one.ids) if number == self._unknown)
        return sum(self._kind(one, index) == "unknown" for index in places)

    def _kind(self, one: _Seen, index: int) -> TokenKind:
        """A token of the special ones that stands for its own text is special, whatever else it is."""
        number = one.ids[index]
        if number == self._unknown and one.text[slice(*one.offsets[index])] != self._special.get(number):
            return "unknown"
        return "special" if number in self._special else "text"


def lengths_of(lengths: Sequence[int]) -> Lengths:
    """Quantiles by the nearest-rank rule: the smallest value that the share of all values does not exceed."""
    ordered = sorted(lengths)
    median, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
    return Lengths(median=median, p95=p95, longest=ordered[-1])


def _languages(seen: Iterable[_Seen]) -> dict[str, LanguageTokens]:
    sums: dict[str, list[int]] = {}
    for one in seen:
        row = sums.setdefault(one.row.language, [0, 0, 0])
        for index, value in enumerate((1, len(one.ids), sum(one.supervised))):
            row[index] += value
    return {
        language: LanguageTokens(rows=rows, tokens=tokens, supervised=supervised)
        for language, (rows, tokens, supervised) in sorted(sums.items())
    }
