"""Which language a text is in, by lingua's n-gram models; only the worker has them.

Two questions: which of a few languages a row is in (`detect`), and whether rows are in the language
they bear (`Check`), which looks at a seeded sample and counts only what is beyond doubt.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from cftray.data.reading.reader import UNKNOWN
from cftray.data.rows import Row
from cftray.errors import DataError

SAMPLE = 200
LONGEST = 400
"""Characters of a text that are looked at."""

LETTERS = 20
"""Texts with fewer letters tell too little to be held against their row."""

SURE = 0.9
"""The least confidence for another language to count."""

BATCH = 1000

NEAR: tuple[frozenset[str], ...] = (
    frozenset({"id", "ms"}),
    frozenset({"nb", "nn", "no", "da"}),
    frozenset({"bs", "hr", "sr", "sh"}),
    frozenset({"cs", "sk"}),
    frozenset({"fil", "tl"}),
)
"""Languages that the models confuse too easily to refuse one for the other."""


def detect(rows: Iterable[Row], among: Sequence[str]) -> Iterator[Row]:
    """Rows with the likeliest of `among` as their language; `und` where the text tells none."""
    detector = _detector(tuple(among))
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        likeliest = detector.detect_languages_in_parallel_of([_text(row) for row in batch])
        for row, found in zip(batch, likeliest, strict=True):
            yield replace(row, language=UNKNOWN if found is None else _code(found))


@dataclass(slots=True)
class Check:
    """Holds a seeded sample of rows against the languages they bear."""

    seed: int
    seen: int = 0
    sample: list[Row] = field(default_factory=list)
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"languages/{self.seed}")

    def watch(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows as they come; a sample of them is kept (reservoir sampling, Vitter's algorithm R)."""
        for row in rows:
            self.seen += 1
            if len(self.sample) < SAMPLE:
                self.sample.append(row)
            elif (place := self.chance.randrange(self.seen)) < SAMPLE:
                self.sample[place] = row
            yield row

    def findings(self) -> Findings:
        """What the sample shows. A text too short, or in a language without a model, is not looked at."""
        known = _known()
        rows = [row for row in self.sample if row.language in known and _letters(_text(row)) >= LETTERS]
        detector = _detector(None)
        found: list[tuple[Row, str]] = []
        for row in rows:
            likeliest = detector.compute_language_confidence_values(_text(row))[0]
            code = _code(likeliest.language)
            if likeliest.value >= SURE and not _same(code, row.language):
                found.append((row, code))
        return Findings(checked=len(rows), other=tuple((row.id, row.language, code) for row, code in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """How many rows were looked at, and (id, language borne, language found) of those that are in another."""

    checked: int
    other: tuple[tuple[str, str, str], ...]

    def raise_if_beyond(self, share: float) -> None:
        """Raises DataError where more than `share` of the rows are in another language than they bear."""
        if len(self.other) > share * self.checked:
            identity, borne, found = self.other[0]
            raise DataError(
                f"{len(self.other)} of {self.checked} rows looked at are not in the language they bear, such as row "
                f"{identity}: {found}, not {borne}; correct language, tell each row's by languages, "
                "raise rules.max_other_language, or set rules.languages: ignore"
            )


@functools.cache
def _detector(among: tuple[str, ...] | None) -> Any:
    from lingua import LanguageDetectorBuilder

    if among is None:
        return LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()
    known = _known()
    unknown = [code for code in among if code not in known]
    if unknown:
        raise DataError(f"languages.among: {', '.join(unknown)} can't be detected ({', '.join(sorted(known))})")
    return LanguageDetectorBuilder.from_languages(*(known[code] for code in among)).build()


@functools.cache
def _known() -> dict[str, Any]:
    """Languages of the models by their ISO 639-1 codes."""
    from lingua import Language

    return {_code(one): one for one in Language.all()} | {"no": Language.BOKMAL, "fil": Language.TAGALOG}


def _code(language: Any) -> str:
    return str(language.iso_code_639_1.name).lower()


def _same(one: str, other: str) -> bool:
    return one == other or any({one, other} <= near for near in NEAR)


def _text(row: Row) -> str:
    return f"{row.instruction}\n{row.output}"[:LONGEST]


def _letters(text: str) -> int:
    return sum(one.isalpha() for one in text)
