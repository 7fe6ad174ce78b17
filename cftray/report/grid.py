"""The headline table as cells, before it becomes text for a terminal, Markdown, CSV or HTML.

    columns   TA: IFEval AlpacaEval MMLU HellaSwag mean | LA: MLQA XQuAD XLSum mean
    rows      P1, P2, change

Scores are shown times 100, so differences are points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.results import Change, Results, Row, Score

NAMES: Final[Mapping[str, str]] = {
    "ifeval": "IFEval",
    "alpaca_eval": "AlpacaEval",
    "mmlu": "MMLU",
    "hellaswag": "HellaSwag",
    "mlqa": "MLQA",
    "xquad": "XQuAD",
    "xlsum": "XLSum",
}
SUITES: Final[Mapping[str, str]] = {"ta": "Task ability", "la": "Language ability"}
SIGNS: Final[Mapping[Verdict, str]] = {Verdict.RISES: "▲", Verdict.FALLS: "▼", Verdict.NOISE: "~"}
ABSENT: Final = "–"
MINUS: Final = "−"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a suite's block; `row` is null where the results lack it."""

    suite: str
    label: str
    key: str
    mean: bool
    row: Row | None


def columns(shown: Results, like: Results | None = None) -> list[Column]:
    """Benchmarks of each suite and then its mean, in the order of `like` (default: its own)."""
    rows = {row.key: row for row in shown.rows}
    found: list[Column] = []
    for row in (like or shown).rows:
        if row.level is Level.PART:
            continue
        mean = row.level is Level.SUITE
        label = "mean" if mean else benchmark_name(row.benchmark or row.key)
        found.append(Column(suite=row.suite, label=label, key=row.key, mean=mean, row=rows.get(row.key)))
    return _with_absent_means(found)


def _with_absent_means(found: list[Column]) -> list[Column]:
    """A suite without its mean keeps the column, so that the gap shows."""
    whole: list[Column] = []
    for index, column in enumerate(found):
        whole.append(column)
        last = index + 1 == len(found) or found[index + 1].suite != column.suite
        if last and not column.mean:
            whole.append(Column(suite=column.suite, label="mean", key=column.suite, mean=True, row=None))
    return whole


def benchmark_name(benchmark: str) -> str:
    """The name that papers print."""
    return NAMES.get(benchmark, benchmark)


def points(value: float) -> str:
    """A score times 100 with one decimal."""
    return f"{100 * value:.1f}"


def signed(value: float) -> str:
    """A difference in points with its sign; a true minus, so that columns align."""
    text = f"{100 * value:+z.1f}"
    return text.replace("-", MINUS)


def score_text(score: Score | None) -> str:
    """A score, or a dash."""
    return ABSENT if score is None else points(score.score)


def half_width(change: Change) -> float:
    """Half of the 95 % interval; it is nearly symmetric, its ends are in the results."""
    return (change.high - change.low) / 2


def change_text(change: Change | None) -> str:
    """A difference with the sign of its verdict, or a dash."""
    return ABSENT if change is None else f"{signed(change.difference)} {SIGNS[change.verdict]}"


def interval_text(change: Change | None) -> str:
    """`±2.1`, or nothing."""
    return "" if change is None else f"±{points(half_width(change))}"


def seeds_text(change: Change | None) -> str:
    """Standard deviation over replicas in points, or nothing."""
    return "" if change is None or change.seeds_sd is None else points(change.seeds_sd)


def legend(shown: Results) -> str:
    """What the signs mean and how they were decided."""
    if not shown.comparisons:
        return "scores × 100"
    seeds = f", mean of {len(shown.seeds)} seeds" if len(shown.seeds) > 1 else ""
    noun = "comparison" if shown.comparisons == 1 else "comparisons"
    return (
        f"▲ rises  ▼ falls  ~ inside the noise (95 %, paired by item, {shown.comparisons} {noun}, Holm{seeds}; "
        "scores × 100)"
    )
