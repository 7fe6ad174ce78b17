"""Made-up tables of a matrix, as the service would give them."""

from __future__ import annotations

from collections.abc import Mapping

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.matrix import Effect, FailedCell, MatrixGroup, MatrixRow, MatrixTable
from cftray.report.results import Change, Results, Row, Score

Pair = tuple[float | None, float | None]


def change(difference: float, verdict: Verdict | None = None) -> Change:
    sign = Verdict.RISES if difference > 0 else Verdict.FALLS
    return Change(
        difference=difference, stderr=0.01, low=difference - 0.02, high=difference + 0.02, p_value=0.01,
        p_adjusted=0.02, among=4, verdict=verdict or (sign if abs(difference) > 0.02 else Verdict.NOISE),
        seeds_sd=None, seeds_agree=True,
    )  # fmt: skip


def results(scores: Mapping[str, Pair], seeds: tuple[int, ...] = (17,)) -> Results:
    """Results with those scores of P1 and P2 by key."""
    rows = tuple(_row(key, *pair) for key, pair in scores.items())
    return Results(complete=True, seeds=seeds, rows=rows, replicas=(), comparisons=4, part_comparisons=2)


def matrix(
    rows: Mapping[str, Mapping[str, Pair]], *, phase1: str = "instruct-mini", failed: str | None = None
) -> MatrixTable:
    """A matrix whose first row is plain phase 2."""
    first = next(iter(rows))
    made = tuple(
        MatrixRow(
            label=label, experiments=(f"exp_{place}",), results=results(scores),
            against_plain={} if label == first else {"ta": change(0.05)},
            effects={} if label == first else {"ta": Effect.HELPS},
        )
        for place, (label, scores) in enumerate(rows.items())
    )  # fmt: skip
    lost = () if failed is None else (
        FailedCell(label="LoRA", seeds=(17,), experiment="exp_9", state="failed", message=failed),
    )
    return MatrixTable(
        name="forgetting", complete=failed is None, groups=(MatrixGroup(phase1=phase1, rows=made),), failed=lost
    )


def _row(key: str, p1: float | None, p2: float | None) -> Row:
    suite, *rest = key.split("/")
    level = (Level.SUITE, Level.BENCHMARK, Level.PART)[len(rest)]
    both = p1 is not None and p2 is not None
    return Row(
        key=key, level=level, suite=suite, benchmark=rest[0] if rest else None, language=rest[1] if rest[1:] else None,
        metric="f1" if level is Level.BENCHMARK else None, p1=_score(p1), p2=_score(p2),
        change=change(p2 - p1) if both else None,
    )  # fmt: skip


def _score(value: float | None) -> Score | None:
    return None if value is None else Score(score=value, stderr=0.01, n=100)
