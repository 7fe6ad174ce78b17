"""How alike a sweep's phases are, and what its trials changed inside the model, as far as its spec asks for it.

Analyses of the data are the same for all trials. Of those that look at a trial's own models a page shows the best
trial's pictures only: it can't hold all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftray.plan import Plan, StageNode
from cftray.report.analysed import ANALYSES, Analysed, AnalysisState, analysis_of, undefined
from cftray.report.likeness import Likeness, likeness_of
from cftray.report.trials import SweepResults, TrialState
from cftray.spec import SweepSpec
from cftray.store import Record, Store

CUT_SHORT = (TrialState.STOPPED, TrialState.FAILED, TrialState.LEFT)
WAITS = "an analysis of a trial's own models waits until the trial is trained whole"


def sweep_likeness(sweep: SweepSpec, found: SweepResults, plan: Plan, store: Store) -> Likeness | None:
    """What the analyses found, each once with the trials that it stands for; None where none was asked for."""
    if not sweep.spec.analysis:
        return None
    told: list[tuple[Analysed, Record | None]] = [(one, None) for one in undefined(sweep.spec)]
    pictured: set[str] = set()
    without: dict[Analysed, list[int]] = {}
    for node in (node for node in plan.stages if node.kind in ANALYSES):
        users = [trial.number for trial in plan.trials if any(node.name in rung.stages for rung in trial.rungs)]
        one = _untitled(analysis_of(node, plan, store), node, users, found)
        if one.state is not AnalysisState.FOUND:
            without.setdefault(one, []).extend(users)
            continue
        assert node.fingerprint is not None
        titled = _titled(one, users, plan)
        told.append((titled, store.record(node.fingerprint)))
        if found.best in users:
            pictured.add(titled.title)
    told += [(_titled(one, users, plan), None) for one, users in without.items()]
    return likeness_of(told, store, pictured)


def _untitled(one: Analysed, node: StageNode, users: Sequence[int], found: SweepResults) -> Analysed:
    """The analysis without the trial that its stage is called after, so that those of several trials are alike; what
    none of them came to is left out for that."""
    title = node.title.partition(": ")[2] if node.title.startswith("trial ") else node.title
    over = all(found.trial(number).state in CUT_SHORT for number in users)
    if one.state is AnalysisState.AWAITED and over:
        return one.model_copy(update={"title": title, "state": AnalysisState.LEFT_OUT, "reason": WAITS})
    return one.model_copy(update={"title": title})


def _titled(one: Analysed, users: Sequence[int], plan: Plan) -> Analysed:
    if len(users) == len(plan.trials):
        return one
    named = f"trial{'s' if len(users) > 1 else ''} {', '.join(map(str, users))}"
    return one.model_copy(update={"title": f"{one.title}, {named}"})
