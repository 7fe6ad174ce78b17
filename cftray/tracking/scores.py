"""Scores of both phases and their differences, over the seeds, under names that sort well.

`p1/ta/ifeval`, `p2/ta/ifeval` and `change/ta/ifeval` are the score, or its mean over the seeds; then
`…/std` is the sample standard deviation. With one seed `p1/ta/ifeval/stderr` is the task's own. How
many items there were stays on the run of the evaluation.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev

from cftray.plan import Outcome, Plan
from cftray.store import Record

STDERR, ITEMS = "/stderr", "/n"


def without_counts(metrics: Mapping[str, float]) -> dict[str, float]:
    """Scores and their standard errors alone."""
    return {name: value for name, value in metrics.items() if not name.endswith(ITEMS)}


def without_details(metrics: Mapping[str, float]) -> dict[str, float]:
    """Scores alone."""
    return {name: value for name, value in without_counts(metrics).items() if not name.endswith(STDERR)}


def scored_outcomes(
    plan: Plan, records: Mapping[str, Record], *, over: bool
) -> dict[int, tuple[Outcome, ...]]:
    """By phase, the outcomes whose scores count.

    All or none while the experiment goes on, since a mean over other seeds would be another figure
    under the same name; what there is once it is over.
    """
    scored = {
        1: tuple(one for one in plan.outcomes if one.p1_scores in records),
        2: tuple(one for one in plan.outcomes if one.p2_scores in records),
    }
    return {phase: some if over or len(some) == len(plan.outcomes) else () for phase, some in scored.items()}


def experiment_scores(
    scored: Mapping[int, tuple[Outcome, ...]], records: Mapping[str, Record]
) -> dict[str, float]:
    """Figures of the experiment's own run, by name."""
    first = [records[one.p1_scores].metrics for one in scored[1]]
    second = [records[one.p2_scores].metrics for one in scored[2]]
    both = [one for one in scored[1] if one in scored[2]]
    changes = [_change(records[one.p1_scores].metrics, records[one.p2_scores].metrics) for one in both]
    return _phase("p1", first) | _phase("p2", second) | _phase("change", changes)


def _phase(name: str, replicas: list[dict[str, float]]) -> dict[str, float]:
    if len(replicas) == 1:
        return {f"{name}/{key}": value for key, value in without_counts(replicas[0]).items()}
    figures: dict[str, float] = {}
    for key in without_details(replicas[0]) if replicas else ():
        values = [one[key] for one in replicas if key in one]
        if len(values) == len(replicas):
            figures[f"{name}/{key}"] = fmean(values)
            figures[f"{name}/{key}/std"] = stdev(values)
    return figures


def _change(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {key: after[key] - value for key, value in without_details(before).items() if key in after}
