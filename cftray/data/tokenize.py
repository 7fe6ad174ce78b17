"""The stage that turns rows into token arrays; runs where no accelerator is held.

A row's text is tokenised as one piece, as it is when the model is prompted; a token counts for the
loss where it begins inside the response. A token that spans the border of prompt and response does
not, and is counted. Where tokens begin never decreases along a text, so the border is one place.
"""

from __future__ import annotations

import array
import bisect
import collections
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from tokenizers import Encoding, Tokenizer

from cftray.data.rows import Row
from cftray.data.sources import rows_of
from cftray.data.templates import ChatTemplate, load_template
from cftray.data.tokenized import TokenizedWriter
from cftray.errors import DataError, ModelError
from cftray.plan.data_stages import TokenizeConfig
from cftray.stage import Artifact, Progress, StageContext

BATCH = 250
"""Rows tokenised together: what the tokenizer gives back is a hundred bytes a token."""
REPORT_EVERY = 1000


@dataclass(slots=True)
class Counts:
    """What became of the rows."""

    rows: int = 0
    truncated: int = 0
    unsupervised: int = 0
    border_tokens: int = 0
    samples: collections.Counter[str] = field(default_factory=collections.Counter)
    tokens: collections.Counter[str] = field(default_factory=collections.Counter)
    supervised: collections.Counter[str] = field(default_factory=collections.Counter)


def run(config: TokenizeConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `rows`, what a stage wrote; `model`, whose tokenizer to use.

    Raises DataError where nothing is left to learn from, ModelError where there is no tokenizer.
    """
    rows = rows_of(inputs["rows"])
    if not rows:
        raise DataError(
            "there is no row to learn from; of a replay, the stage before says how many answers of the P1 model could "
            "not be used and why: train phase 1 for longer, or replay original responses (english_replay)"
        )
    template = load_template(config.template, inputs["model"])
    tokenizer = load_tokenizer(inputs["model"])
    folder = context.folder / "tokens"
    writer = TokenizedWriter(folder)
    counts = Counts()
    for batch in _batched(rows):
        writer.extend(*_encoded(batch, template, tokenizer, config.max_length, counts))
        context.raise_if_stopped()
        if counts.rows % REPORT_EVERY == 0:
            context.report(Progress(step=counts.rows, total=len(rows), unit="rows"))
    if not counts.samples:
        raise DataError(
            f"none of {len(rows)} rows has a supervised token within max_length {config.max_length}; "
            "raise max_length or choose another template"
        )
    writer.close(template_text=template.text, max_length=config.max_length)
    return Artifact(outputs={"tokens": folder}, metrics=_metrics(counts), details=_details(counts))


def load_tokenizer(model_dir: Path) -> Tokenizer:
    """The fast tokenizer of a model folder. Raises ModelError where it has none."""
    path = model_dir / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{model_dir.name}: has no tokenizer.json; save it with a fast tokenizer")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _encoded(
    rows: Sequence[Row], template: ChatTemplate, tokenizer: Tokenizer, max_length: int, counts: Counts
) -> tuple[np.ndarray, np.ndarray, list[int], list[str]]:
    """The rows that have anything to learn, end to end: tokens, 1 for each supervised one, lengths, languages."""
    rendered = [template.render(row) for row in rows]
    encodings = tokenizer.encode_batch([one.prompt + one.response for one in rendered], add_special_tokens=False)
    tokens = array.array("i")
    lengths, firsts, languages = [], [], []
    for row, one, encoding in zip(rows, rendered, encodings, strict=True):
        length = min(len(encoding), max_length)
        first, spanning = border(encoding, len(one.prompt), length)
        counts.rows += 1
        counts.truncated += len(encoding) > length
        counts.border_tokens += spanning
        if max(first, 1) >= length:
            counts.unsupervised += 1
            continue
        counts.samples[row.language] += 1
        counts.tokens[row.language] += length
        counts.supervised[row.language] += length - first
        tokens.fromlist(encoding.ids[:length])
        lengths.append(length)
        firsts.append(first)
        languages.append(row.language)
    return np.frombuffer(tokens, dtype="i4"), _marks(firsts, lengths), lengths, languages


def border(encoding: Encoding, place: int, length: int) -> tuple[int, int]:
    """Of the first `length` tokens: which is the first to begin at character `place` or behind, `length`
    where none does; and how many begin before it and end behind it.

    Asks the encoding about the tokens around the border alone: to hand all offsets over costs more than
    everything else here.
    """
    first = encoding.char_to_token(place)
    if first is None:  # the text there became no token, so none spans it
        return bisect.bisect_left(encoding.offsets[:length], (place, 0)), 0
    while first > 0 and _span(encoding, first - 1)[0] >= place:
        first -= 1
    spanning = 0
    while first < length and (span := _span(encoding, first))[0] < place:
        spanning += span[1] > place
        first += 1
    return min(first, length), spanning


def _span(encoding: Encoding, token: int) -> tuple[int, int]:
    """Where a token begins and ends in the text; only special tokens that a tokenizer adds itself have no place."""
    return cast(tuple[int, int], encoding.token_to_chars(token))


def _marks(firsts: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
    """uint8: for each sample zeros before its first supervised token, then ones."""
    runs = np.stack([firsts, np.subtract(lengths, firsts)], axis=1).astype(np.int64).ravel()
    return np.repeat(np.tile(np.asarray([0, 1], dtype=np.uint8), len(lengths)), runs)


def _batched(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    iterator = iter(rows)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch


def _metrics(counts: Counts) -> dict[str, float]:
    return {
        "rows": counts.rows,
        "samples": counts.samples.total(),
        "tokens": counts.tokens.total(),
        "supervised_tokens": counts.supervised.total(),
        "truncated": counts.truncated,
        "without_supervised_tokens": counts.unsupervised,
        "border_tokens": counts.border_tokens,
    }


def _details(counts: Counts) -> dict[str, Any]:
    languages = sorted(counts.samples)
    composition = {
        language: {
            "samples": counts.samples[language],
            "tokens": counts.tokens[language],
            "supervised_tokens": counts.supervised[language],
        }
        for language in languages
    }
    return {"composition": composition}
