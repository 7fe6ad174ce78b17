"""In which order experiments that share stages are begun: the longest remaining chain first.

The plans that wait are one graph, in which a stage that several of them need is one node. What a stage's end lets
begin, in whatever experiment, is behind it:

    tail(stage) = seconds(stage) + the longest tail behind it, in any experiment        (critical path)

An experiment comes with the stages that it would make: those without a record that nobody before it makes. The one with
the longest tail among them is next, so whoever trains a shared phase 1 comes before those that use it; of those that
would make the same stage, the one whose own chain is longest. Experiments that would make nothing, but wait for others,
are last of all: their drivers hold memory and do no work.

Experiments of one matrix are ordered so among themselves. Matrices, and experiments by themselves, keep their turn.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cftray.plan.canonical import canonical, sha256_of
from cftray.plan.plan import Plan
from cftray.plan.stages import LeafInput, LeafKind, StageConfig, StageKind, StageNode, TrainConfig

TYPICAL_SECONDS: Mapping[StageKind, float] = {
    StageKind.TRAIN: 1000,
    StageKind.TRAIN_PART: 400,
    StageKind.TRANSLATE: 400,
    StageKind.EVALUATE: 300,
    StageKind.GENERATE: 150,
    StageKind.JUDGE: 100,
    StageKind.REPRESENTATIONS: 50,
    StageKind.CROSSLINGUAL: 50,
    StageKind.MPD: 30,
    StageKind.DES: 30,
    StageKind.REQUESTS: 20,
}
"""Where no stage of the same kind and size has been recorded. Chosen, not measured: only their proportions count."""
OTHERWISE_SECONDS = 5.0

OF_THE_MODEL = (StageKind.EVALUATE, StageKind.REQUESTS, StageKind.JUDGE, StageKind.GATE)
"""Kinds whose size doesn't depend on the data that a model was trained on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage as far as it decides about turns; `needs` are fingerprints, `work` is equal for equal kind and size."""

    fingerprint: str
    needs: tuple[str, ...]
    kind: StageKind
    work: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An experiment that waits for its turn, its steps in the plan's order. `group`: its matrix, or itself."""

    key: str
    group: str
    steps: tuple[Step, ...]


def steps_of(plan: Plan) -> tuple[Step, ...]:
    """The stages of a plan that have fingerprints."""
    prints = {node.name: node.fingerprint for node in plan.stages}
    works = works_of(plan)
    return tuple(
        Step(
            fingerprint=node.fingerprint,
            needs=tuple(found for name in (*node.needs, *node.gated_by) if (found := prints[name]) is not None),
            kind=node.kind,
            work=works[node.name],
        )
        for node in plan.stages
        if node.fingerprint is not None
    )


def works_of(plan: Plan) -> dict[str, str]:
    """For each stage by name, a digest that is the same for stages of one kind and size.

    Size is the config without seeds and learning rates, and what the stage comes from in the end: models, and the data
    that go into it. Replicas are of one size.
    """
    roots: dict[str, frozenset[str]] = {}
    works: dict[str, str] = {}
    for node in plan.stages:
        config = _sized(node.config)
        roots[node.name] = _roots(node, config, roots)
        counted = roots[node.name]
        if node.kind in OF_THE_MODEL:
            counted = frozenset(one for one in counted if one.startswith(LeafKind.MODEL))
        works[node.name] = _work(config, counted)
    return works


def seconds_of(steps: Iterable[Step], known: Mapping[str, float]) -> dict[str, float]:
    """What each step takes, by fingerprint: as recorded for its work, else typical of its kind.

    Typical values are scaled to what is known of the others, so that both can stand in one sum.
    """
    every = {step.fingerprint: step for step in steps}
    met = {step.work: step for step in every.values() if step.work in known}
    typical = sum(_typical(step) for step in met.values())
    scale = sum(known[work] for work in met) / typical if met else 1.0
    return {one: known.get(step.work, _typical(step) * scale) for one, step in every.items()}


def submission_order(
    waiting: Sequence[Waiting], *, recorded: Collection[str], making: Collection[str], seconds: Mapping[str, float]
) -> list[str]:
    """The keys of `waiting`, which is in the order of arrival, in the order in which they are begun.

    `recorded` are fingerprints with a record, `making` those that experiments already begun make or are going to.
    """
    missing = {one.key: [step for step in one.steps if step.fingerprint not in recorded] for one in waiting}
    tails = _tails(missing.values(), seconds)
    users: dict[str, int] = {}
    for steps in missing.values():
        for step in steps:
            users[step.fingerprint] = users.get(step.fingerprint, 0) + 1
    groups: dict[str, int] = {}
    for one in waiting:
        groups.setdefault(one.group, len(groups))
    claimed = set(making)

    def rank(place: int) -> tuple[bool, int, float, float, int, int]:
        one = waiting[place]
        steps = missing[one.key]
        own = [step.fingerprint for step in steps if step.fingerprint not in claimed]
        head = max((tails[made] for made in own), default=0.0)
        shared = max((users[made] for made in own), default=0)
        return bool(steps) and not own, groups[one.group], -head, -_chain(steps, claimed, seconds), -shared, place

    # A rank only gets worse as more is claimed, so the first whose rank still holds is the best of all.
    heap = [rank(place) for place in range(len(waiting))]
    heapq.heapify(heap)
    order: list[str] = []
    while heap:
        place = heap[0][-1]
        now = rank(place)
        if now > heap[0]:
            heapq.heapreplace(heap, now)
            continue
        heapq.heappop(heap)
        order.append(waiting[place].key)
        claimed.update(step.fingerprint for step in missing[waiting[place].key])
    return order


def _tails(missing: Iterable[Sequence[Step]], seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the beginning of each step to the end of the longest chain that begins with it."""
    behind: dict[str, set[str]] = {}
    for steps in missing:
        for step in steps:
            behind.setdefault(step.fingerprint, set())
            for need in step.needs:
                behind.setdefault(need, set()).add(step.fingerprint)
    tails: dict[str, float] = {}

    def tail(one: str) -> float:
        if one not in tails:
            tails[one] = seconds.get(one, 0.0) + max((tail(after) for after in behind[one]), default=0.0)
        return tails[one]

    for one in behind:
        tail(one)
    return tails


def _chain(steps: Sequence[Step], claimed: Collection[str], seconds: Mapping[str, float]) -> float:
    """Seconds of the longest chain of steps that are not claimed."""
    ends: dict[str, float] = {}
    for step in steps:
        own = 0.0 if step.fingerprint in claimed else seconds[step.fingerprint]
        ends[step.fingerprint] = own + max((ends.get(need, 0.0) for need in step.needs), default=0.0)
    return max(ends.values(), default=0.0)


def _typical(step: Step) -> float:
    return TYPICAL_SECONDS.get(step.kind, OTHERWISE_SECONDS)


def _sized(config: StageConfig) -> StageConfig:
    """The config with what doesn't change how long a stage takes set alike."""
    alike: dict[str, object] = {name: 0 for name in ("seed", "sample_seed") if name in type(config).model_fields}
    if isinstance(config, TrainConfig):
        alike["hyperparameters"] = config.hyperparameters.model_copy(update={"learning_rate": 1.0})
    return config.model_copy(update=alike) if alike else config


def _roots(node: StageNode, config: StageConfig, before: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """What a stage comes from: leaves, and stages that need no other."""
    found: set[str] = set()
    for source in node.inputs.values():
        if isinstance(source, LeafInput):
            found.add(f"{source.leaf.kind}:{source.leaf.location}")
        else:
            found |= before[source.stage]
    return frozenset(found) if found else frozenset({_told(config)})


@functools.lru_cache(maxsize=1024)
def _told(config: StageConfig) -> str:
    return canonical(config)


@functools.lru_cache(maxsize=4096)
def _work(config: StageConfig, roots: frozenset[str]) -> str:
    return sha256_of({"config": config, "roots": sorted(roots)})[:32]
