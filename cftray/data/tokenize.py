"""The stage that turns rows into token arrays; runs where no accelerator is held.

A row's text is tokenised as one piece, as it is when the model is prompted; a token counts for the
loss where it begins inside the response. A token that spans the border of prompt and response does
not, and is counted.
"""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from cftray.data.rows import Row
from cftray.data.sources import rows_of
from cftray.data.templates import ChatTemplate, load_template
from cftray.data.tokenized import TokenizedWriter
from cftray.errors import DataError, ModelError
from cftray.plan.stages import TokenizeConfig
from cftray.stage import Artifact, Progress, StageContext

BATCH = 1000


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
    """Inputs: `rows`, a rows file of a stage or the user's files; `model`, whose tokenizer to use.

    Raises DataError where nothing is left to learn from, ModelError where there is no tokenizer.
    """
    loaded = rows_of(config.source, inputs["rows"])
    rows, empty = loaded.rows, loaded.empty
    template = load_template(config.template, inputs["model"])
    tokenizer = load_tokenizer(inputs["model"])
    folder = context.folder / "tokens"
    writer = TokenizedWriter(folder)
    counts = Counts()
    for tokens, supervised, language in _encoded(rows, template, tokenizer, config.max_length, counts):
        writer.add(tokens, supervised, language)
        if counts.rows % BATCH == 0:
            context.raise_if_stopped()
            context.report(Progress(step=counts.rows, total=len(rows), unit="rows"))
    if not counts.samples:
        raise DataError(
            f"none of {len(rows)} rows has a supervised token within max_length {config.max_length}; "
            "raise max_length or choose another template"
        )
    writer.close(template_text=template.text, max_length=config.max_length)
    return Artifact(outputs={"tokens": folder}, metrics=_metrics(counts, empty), details=_details(counts))


def load_tokenizer(model_dir: Path) -> Tokenizer:
    """The fast tokenizer of a model folder. Raises ModelError where it has none."""
    path = model_dir / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{model_dir.name}: has no tokenizer.json; save it with a fast tokenizer")
    return Tokenizer.from_file(str(path))


def _encoded(
    rows: Iterable[Row], template: ChatTemplate, tokenizer: Tokenizer, max_length: int, counts: Counts
) -> Iterator[tuple[list[int], list[int], str]]:
    """(tokens, 1 for each supervised one, language) for each row that has anything to learn."""
    for batch in _batched(rows):
        rendered = [template.render(row) for row in batch]
        texts = [one.prompt + one.response for one in rendered]
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        for row, one, encoding in zip(batch, rendered, encodings, strict=True):
            counts.rows += 1
            border = len(one.prompt)
            offsets = encoding.offsets[:max_length]
            supervised = [int(start >= border) for start, _ in offsets]
            counts.truncated += len(encoding.ids) > max_length
            counts.border_tokens += sum(start < border < end for start, end in offsets)
            if not any(supervised[1:]):
                counts.unsupervised += 1
                continue
            counts.samples[row.language] += 1
            counts.tokens[row.language] += len(offsets)
            counts.supervised[row.language] += sum(supervised)
            yield encoding.ids[:max_length], supervised, row.language


def _batched(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    iterator = iter(rows)
    while batch := tuple(itertools.islice(iterator, BATCH)):
        yield batch


def _metrics(counts: Counts, empty: int) -> dict[str, float]:
    return {
        "rows": counts.rows,
        "samples": counts.samples.total(),
        "tokens": counts.tokens.total(),
        "supervised_tokens": counts.supervised.total(),
        "truncated": counts.truncated,
        "without_supervised_tokens": counts.unsupervised,
        "border_tokens": counts.border_tokens,
        "empty": empty,
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
