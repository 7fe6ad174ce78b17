"""A sweep's plan: the stages of all its trials, what several of them need once.

What every trial needs keeps its name (`train.p1.s17`); what only some need is called after the first of them
(`t03.train.p2.s17`). A trial is a row of rungs, each with the stages that lead to it from the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cftray.plan.evaluating import Packs
from cftray.plan.graph import build_trial_plan
from cftray.plan.nodes import Digests, Known, Source
from cftray.plan.plan import Outcome, Plan, Rung, Trial
from cftray.plan.stages import LeafInput, StageConfig, StageInput, StageKind, StageNode
from cftray.spec import ExperimentSpec

WHOLE = 1.0

Work = tuple[StageConfig, tuple[tuple[str, LeafInput | tuple[int, str | None]], ...]]
"""What a stage does, whatever it is called; other stages by their place among all works."""

OF_OUTCOMES = tuple(name for name in Outcome.model_fields if name != "seed")


class _Planned(NamedTuple):
    """One trial by itself; `works` gives each of its stages the place of what it does."""

    plan: Plan
    partial: tuple[tuple[Outcome, ...], ...]
    works: Mapping[str, int]


def build_sweep_plan(
    trials: Sequence[tuple[Mapping[str, Any], ExperimentSpec]],
    rungs: Sequence[float],
    digests: Digests,
    packs: Packs,
    known: Known | None = None,
) -> Plan:
    """The plan of trials with these values that are these experiments, in their order, scored after each share of
    phase 2 in `rungs` and at its end."""
    places: dict[Work, int] = {}
    known = known or Known()
    planned = [_planned(spec, rungs, digests, packs, known, places) for _, spec in trials]
    common = Counter(place for one in planned for place in set(one.works.values()))
    names: dict[int, str] = {}
    stages: list[StageNode] = []
    made: list[Trial] = []
    for number, ((values, _), one) in enumerate(zip(trials, planned, strict=True), 1):
        new = [node for node in one.plan.stages if one.works[node.name] not in names]
        for node in new:
            shared = common[one.works[node.name]] == len(planned)
            names[one.works[node.name]] = node.name if shared else f"t{number:02d}.{node.name}"
        called = {name: names[place] for name, place in one.works.items()}
        stages += [_renamed(node, called, number) for node in new]
        ends = [*zip(rungs, one.partial, strict=True), (WHOLE, one.plan.outcomes)]
        made.append(Trial(number=number, values=dict(values), rungs=tuple(_rungs(one.plan, ends, called))))
    return Plan(stages=tuple(stages), outcomes=(), trials=tuple(made))


def shared_stages(plan: Plan) -> tuple[str, ...]:
    """Names of the stages that every trial needs, in order; none where there is but one trial."""
    if len(plan.trials) < 2:
        return ()
    needed = Counter(name for trial in plan.trials for name in {name for rung in trial.rungs for name in rung.stages})
    return tuple(node.name for node in plan.stages if needed[node.name] == len(plan.trials))


def _planned(
    spec: ExperimentSpec,
    rungs: Sequence[float],
    digests: Digests,
    packs: Packs,
    known: Known,
    places: dict[Work, int],
) -> _Planned:
    plan, partial = build_trial_plan(spec, rungs, digests, packs, known)
    works: dict[str, int] = {}
    for node in plan.stages:
        inputs = sorted((name, _placed(source, works)) for name, source in node.inputs.items())
        works[node.name] = places.setdefault((node.config, tuple(inputs)), len(places))
    return _Planned(plan, partial, works)


def _placed(source: Source, works: Mapping[str, int]) -> LeafInput | tuple[int, str | None]:
    return source if isinstance(source, LeafInput) else (works[source.stage], source.output)


def _renamed(node: StageNode, called: Mapping[str, str], number: int) -> StageNode:
    name = called[node.name]
    inputs: dict[str, LeafInput | StageInput] = {
        key: source if isinstance(source, LeafInput) else source.model_copy(update={"stage": called[source.stage]})
        for key, source in node.inputs.items()
    }
    return node.model_copy(
        update={
            "name": name,
            "title": node.title if name == node.name else f"trial {number}: {node.title}",
            "inputs": inputs,
            "gated_by": tuple(called[one] for one in node.gated_by),
            "continues": tuple(called[one] for one in node.continues),
        }
    )


def _rungs(plan: Plan, ends: Iterable[tuple[float, tuple[Outcome, ...]]], called: Mapping[str, str]) -> Iterator[Rung]:
    """The first rung has all that needs no phase 2, the last whatever is left."""
    before: set[str] = set()
    early = _before_phase_2(plan)
    for share, outcomes in ends:
        wanted = early | _behind(plan, outcomes) if share < WHOLE else {node.name for node in plan.stages}
        stages = tuple(called[node.name] for node in plan.stages if node.name in wanted - before)
        before |= wanted
        yield Rung(share=share, outcomes=tuple(_outcome(one, called) for one in outcomes), stages=stages)


def _before_phase_2(plan: Plan) -> set[str]:
    """The stages that depend on no training of phase 2, without analyses, which wait until a trial has come through."""
    late: set[str | None] = {outcome.p2_train for outcome in plan.outcomes}
    for node in plan.stages:
        if node.optional or node.kind is StageKind.TRAIN_PART or late.intersection(node.needs):
            late.add(node.name)
    return {node.name for node in plan.stages} - late


def _behind(plan: Plan, outcomes: Iterable[Outcome]) -> set[str]:
    """The stages that these outcomes come from."""
    nodes = {node.name: node for node in plan.stages}
    found: set[str] = set()
    left = [name for one in outcomes for field in OF_OUTCOMES if (name := getattr(one, field)) is not None]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [*nodes[name].needs, *nodes[name].gated_by]
    return found


def _outcome(outcome: Outcome, called: Mapping[str, str]) -> Outcome:
    names = {field: getattr(outcome, field) for field in OF_OUTCOMES}
    return outcome.model_copy(update={field: called[name] for field, name in names.items() if name is not None})
