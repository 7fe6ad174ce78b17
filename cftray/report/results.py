"""P1 and P2 side by side: scores, paired differences, verdicts; from records alone.

Rows exist for the tasks that some model was scored on: with only P1 evaluated there are its scores and no
differences, and a mean of which a part is missing or not scored whole has a row without a score, or none.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftray.data.scores import Level
from cftray.plan import Plan
from cftray.report.analysed import analysed
from cftray.report.compare import compared, corrected_together, family
from cftray.report.scored import SCORES_OUTPUT, Pair, pairs_of, unscored
from cftray.report.taught import taught_languages
from cftray.report.views import (
    METHOD,
    Change,
    Gate,
    GateCondition,
    LanguageGroup,
    Replica,
    Results,
    Row,
    Score,
    Unscored,
)
from cftray.spec import ExperimentSpec
from cftray.store import Store

__all__ = [
    "METHOD",
    "SCORES_OUTPUT",
    "Change",
    "Gate",
    "GateCondition",
    "LanguageGroup",
    "Replica",
    "Results",
    "Row",
    "Score",
    "Unscored",
    "against",
    "corrected_together",
    "results",
    "results_over",
]


def results(plan: Plan, store: Store, spec: ExperimentSpec | None = None) -> Results:
    """What the plan's records say so far; with the `spec` also what became of the analyses that it asks for.

    Raises InternalError where a record's scores can't be read.
    """
    found = results_over([plan], store)
    return found if spec is None else found.model_copy(update={"analyses": analysed(spec, plan, store)})


def results_over(plans: Sequence[Plan], store: Store) -> Results:
    """The replicas of several plans that differ in nothing but their seeds. Raises as `results` does."""
    single = all(outcome.p2_scores is None for plan in plans for outcome in plan.outcomes)
    return _results(pairs_of(plans, store), taught_languages(plans, store), single=single)


def against(first: Sequence[Plan], second: Sequence[Plan], store: Store) -> tuple[Row, ...]:
    """The P2 models of two sets of plans, paired by seed: `p1` of a row is the first's, `p2` the second's.

    Only seeds that both have evaluated count; without any there are no rows. The noise floor is that of the P1 that
    they share.
    """
    ours = {pair.seed: pair for pair in pairs_of(first, store) if pair.p2 is not None}
    theirs = {pair.seed: pair for pair in pairs_of(second, store) if pair.p2 is not None}
    seeds = sorted(ours.keys() & theirs.keys())
    return compared([Pair(seed, ours[seed].p2, theirs[seed].p2, ours[seed].again) for seed in seeds]).rows


def _results(pairs: Sequence[Pair], taught: frozenset[str] | None, *, single: bool) -> Results:
    shown = [pair for pair in pairs if pair.whole] or [pair for pair in pairs if pair.p1 is not None]
    found = compared(shown, taught)
    replicas = tuple(
        Replica(
            seed=pair.seed,
            complete=pair.whole or (single and pair.p1 is not None),
            rows=found.rows if shown == [pair] else compared([pair], taught).rows,
        )
        for pair in pairs
    )
    missing = tuple(dict.fromkeys(title for pair in pairs for title in pair.missing))
    families = [family(row.level, paper=row.paper) for row in found.rows if row.change is not None]
    return Results(
        complete=not missing,
        missing=missing,
        single=single,
        seeds=tuple(pair.seed for pair in shown),
        rows=found.rows,
        replicas=replicas,
        unscored=tuple(one for pair in shown for one in unscored(pair)),
        gates=tuple(pair.gate for pair in pairs if pair.gate is not None),
        groups=found.groups,
        comparisons=families.count(family(Level.SUITE, paper=False)),
        part_comparisons=families.count(family(Level.PART, paper=False)),
        paper_comparisons=families.count(family(Level.SUITE, paper=True)),
        group_comparisons=families.count(family(Level.GROUP, paper=False)),
    )
