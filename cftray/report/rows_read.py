"""What was read of each data set: its rows, what was left out and why, and what is worth knowing of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cftray.plan import ReadRowsConfig
from cftray.report.facts import Stages
from cftray.spec.rows import ReadingRules

LEFT_OUT = {
    "bad_lines": "bad lines",
    "empty": "without instruction or response",
    "not_among": "in other languages",
    "not_drawn": "not drawn",
}
NOTED = {
    "duplicates": "duplicates",
    "more_turns": "longer than one exchange",
    "null_input": "with null input",
    "repeated_ids": "with an id seen before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSet:
    """One data set as it was read. `left_out` and `noted` are phrases; `languages` are (code, rows)."""

    title: str
    records: int
    rows: int
    left_out: tuple[str, ...]
    noted: tuple[str, ...]
    languages: tuple[tuple[str, int], ...]


def rows_read(stages: Stages) -> list[ReadSet]:
    """Each reading that is recorded."""
    found = []
    for node, record in stages:
        if record is None or not isinstance(node.config, ReadRowsConfig):
            continue
        rules, metrics = node.config.source.rules, record.metrics
        dropped, kept = _by_rule(rules)
        languages: Mapping[str, int] = record.details.get("languages", {})
        found.append(
            ReadSet(
                title=node.title[:1].upper() + node.title[1:],
                records=int(metrics["records"]),
                rows=int(metrics["rows"]),
                left_out=_phrases(metrics, LEFT_OUT | dropped),
                noted=(*_phrases(metrics, kept), *_others(metrics)),
                languages=tuple(sorted(languages.items(), key=lambda one: -one[1])),
            )
        )
    return found


def _by_rule(rules: ReadingRules) -> tuple[dict[str, str], dict[str, str]]:
    """Kinds that the rules leave out, and those that they only count."""
    dropped = {name for name in ("duplicates", "more_turns") if getattr(rules, name) == "drop"}
    return (
        {name: NOTED[name] for name in NOTED if name in dropped},
        {name: phrase for name, phrase in NOTED.items() if name not in dropped},
    )


def _phrases(metrics: Mapping[str, float], kinds: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{int(metrics[name]):,} {phrase}" for name, phrase in kinds.items() if metrics.get(name))


def _others(metrics: Mapping[str, float]) -> tuple[str, ...]:
    checked, other = int(metrics.get("language_checked", 0)), int(metrics.get("other_language", 0))
    return (f"{other} of {checked} looked at in another language",) if other else ()
