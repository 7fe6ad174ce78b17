"""The headline table as cells, before it becomes text for a terminal, Markdown, CSV or HTML.

    columns   TA: IFEval AlpacaEval MMLU HellaSwag mean | LA: MLQA XQuAD XLSum mean
    rows      P1, P2, change

Where the paper's printed figures fit another metric than the one shown, its column stands behind and both are named:
`HellaSwag (acc_norm)`, `HellaSwag (acc, paper's)`. A mean over a part of the languages says so: `XQuAD, 4 of 11
languages`. Behind LA's mean stand those of taught and of untaught languages, where there are both.

Scores are shown times 100, so differences are points.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from cftray.data.scores import BY_LANGUAGE, PAPER, Level
from cftray.data.statistics import Verdict
from cftray.report.views import Change, Results, Row, Score

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
ORDER: Final = (Level.BENCHMARK, Level.SUITE, Level.GROUP)
"""In which a suite's columns stand."""
ABSENT: Final = "–"
MINUS: Final = "−"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a suite's block; `row` is null where the results lack it."""

    suite: str
    label: str
    key: str
    level: Level
    row: Row | None

    @property
    def mean(self) -> bool:
        """Whether it is a suite's mean."""
        return self.level is Level.SUITE


def columns(shown: Results) -> list[Column]:
    """Of each suite: benchmarks, its mean, groups of its languages; the paper's metric behind the other."""
    rows = {row.key: row for row in shown.rows if row.level is not Level.PART}
    found: list[Column] = []
    for suite in dict.fromkeys(row.suite for row in rows.values()):
        of_suite = [row for row in rows.values() if row.suite == suite and not row.paper]
        for level in ORDER:
            of_level = [row for row in of_suite if row.level is level]
            found += [column for row in of_level for column in _beside(row, rows.get(PAPER + row.key))]
            if level is Level.SUITE and not of_level:
                found.append(_absent_mean(suite))
    return found


def columns_over(shown: Iterable[Results]) -> list[Column]:
    """The columns that any of these has, each once and without its row, in the order of `columns`."""
    found: dict[str, Column] = {}
    for column in (column for one in shown for column in columns(one)):
        found.setdefault(column.key, replace(column, row=None))
    suites = list(dict.fromkeys(column.suite for column in found.values()))
    return sorted(found.values(), key=lambda one: (suites.index(one.suite), ORDER.index(one.level)))


def _absent_mean(suite: str) -> Column:
    """A suite without its mean keeps the column, so that the gap shows."""
    return Column(suite=suite, label="mean", key=suite, level=Level.SUITE, row=None)


def _beside(row: Row, paper: Row | None) -> list[Column]:
    """A row's column and, where there is one, that of the paper's metric."""
    shown = [row] if paper is None or row.level is Level.GROUP else [row, paper]
    return [
        Column(
            suite=one.suite,
            label=label_of(one, named=paper is not None),
            key=one.key,
            level=one.level,
            row=one,
        )
        for one in shown
    ]


def label_of(row: Row, *, named: bool) -> str:
    """What stands over a row's column; with its metric where `named`."""
    notes = []
    match row.level:
        case Level.SUITE:
            label = "mean"
            notes += ["paper's metrics"] if row.paper else []
        case Level.GROUP:
            label = row.key.removeprefix(PAPER).split("/")[1]
        case _:
            label = benchmark_name(row.benchmark or row.key)
            notes += [f"{row.metric}, paper's" if row.paper else str(row.metric)] if named else []
    label += f" ({'; '.join(notes)})" if notes else ""
    return label if row.whole or row.level is Level.GROUP else f"{label}, {coverage(row)}"


def coverage(row: Row) -> str:
    """`4 of 11 languages`."""
    noun = "languages" if row.suite == BY_LANGUAGE else "tasks"
    return f"{row.parts} of {row.parts_of} {noun}"


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


def noise_text(row: Row | None) -> str:
    """The noise floor in points, or nothing."""
    return "" if row is None or row.noise is None else points(row.noise)


def legend(shown: Results) -> str:
    """What the signs mean and how they were decided."""
    if not shown.comparisons:
        return "scores × 100"
    seeds = f", mean of {len(shown.seeds)} seeds" if len(shown.seeds) > 1 else ""
    parts = [f"95 %, paired by item, {_comparisons(shown.comparisons)}, Holm{seeds}"]
    apart = [(shown.paper_comparisons, "by the paper's metrics"), (shown.group_comparisons, "over groups of languages")]
    told = [f"{count} {what}" for count, what in apart if count]
    if told:
        parts.append(f"{' and '.join(told)} corrected on their own")
    tail = ["scores × 100"]
    if any(row.noise is not None for row in shown.rows):
        tail.insert(0, "also any change up to the noise floor, P1 scored again in other batches")
    return f"▲ rises  ▼ falls  ~ inside the noise ({'; '.join([*parts, *tail])})"


def _comparisons(count: int) -> str:
    return "1 comparison" if count == 1 else f"{count} comparisons"
