"""What became of the rows that were translated: a row a language, a column a reason."""

from __future__ import annotations

from dataclasses import dataclass

from cftray.plan import StageKind
from cftray.report.facts import Stages


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """Rows of one language; `counts` are those left out, in the order of the table's reasons."""

    title: str
    language: str
    rows: int
    translated: int
    again: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationTable:
    """All languages of an experiment; empty where nothing was translated."""

    reasons: tuple[str, ...]
    languages: tuple[Translated, ...]


def translations(stages: Stages) -> TranslationTable:
    """The table from the records there are; the most frequent reason first."""
    records = [
        (node.title, record)
        for node, record in stages
        if node.kind is StageKind.TRANSLATE and record is not None
    ]
    totals: dict[str, int] = {}
    for _, record in records:
        for reason, count in record.details["reasons"].items():
            totals[reason] = totals.get(reason, 0) + int(count)
    reasons = tuple(sorted(totals, key=lambda reason: (-totals[reason], reason)))
    languages = tuple(
        Translated(
            title=title,
            language=record.details["into"],
            rows=int(record.metrics["rows"]),
            translated=int(record.metrics["translated"]),
            again=int(record.metrics["tried_again"]),
            counts=tuple(int(record.details["reasons"].get(reason, 0)) for reason in reasons),
        )
        for title, record in records
    )
    return TranslationTable(reasons=reasons, languages=languages)
