"""What stands under a table of scores: what a gate decided, what was not scored, what a split is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cftray.report.grid import benchmark_name, points
from cftray.report.views import Gate, GateCondition, LanguageGroup, Results, Unscored


def notes(shown: Results) -> list[str]:
    """A sentence each; nothing for plain results."""
    return [*gate_notes(shown.gates), *unscored_notes(shown.unscored), *_group_notes(shown.groups)]


def gate_notes(gates: Sequence[Gate]) -> Iterator[str]:
    """Each decision with its figures; seeds that came to the same one share a sentence."""
    seeds: dict[str, list[int]] = {}
    for gate in gates:
        seeds.setdefault(_decision(gate), []).append(gate.seed)
    for told, of in seeds.items():
        where = f" ({'seed' if len(of) == 1 else 'seeds'} {', '.join(map(str, of))})" if len(seeds) > 1 else ""
        yield f"{told}{where}."


def unscored_notes(found: Sequence[Unscored]) -> Iterator[str]:
    """Each task of which items have no score; models that lack the same share a sentence."""
    models: dict[str, list[str]] = {}
    for one in found:
        models.setdefault(_lack(one), []).append(one.model.upper())
    for lack, of in models.items():
        task, _, rest = lack.partition("\0")
        yield f"{task}, {' and '.join(sorted(set(of)))}: {rest}."


def bounds(condition: GateCondition) -> str:
    """`at least 40.0 wanted`."""
    wanted = [f"at least {points(condition.at_least)}"] if condition.at_least is not None else []
    wanted += [f"at most {points(condition.at_most)}"] if condition.at_most is not None else []
    return f"{' and '.join(wanted)} wanted"


def _decision(gate: Gate) -> str:
    figures = "; ".join(f"{one.score} of P1 is {points(one.value)}, {bounds(one)}" for one in gate.conditions)
    return f"Gate open: {figures}" if gate.open else f"Gate closed, phase 2 left out: {figures}"


def _lack(one: Unscored) -> str:
    task = f"{benchmark_name(one.benchmark)} ({one.task})" if one.task != one.benchmark else benchmark_name(one.task)
    several = len(one.reasons) > 1
    reasons = "; ".join(f"{count}: {reason}" if several else reason for reason, count in one.reasons.items())
    return f"{task}\0{one.n:,} of {one.of:,} items not scored, so no score and no mean over it ({reasons})"


def _group_notes(groups: Sequence[LanguageGroup]) -> Iterator[str]:
    if not groups:
        return
    told = []
    for group in groups:
        lacking = ", ".join(benchmark_name(one) for one in group.without)
        told.append(f"{group.name}: {' '.join(group.languages)}" + (f" (none of them in {lacking})" if lacking else ""))
    yield f"Languages that phase 2's data contain (at least 1 % of its samples) and do not: {'; '.join(told)}."
