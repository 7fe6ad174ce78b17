"""What a matrix's report tells beside scores: what was asked, of what data, at what cost, with what."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cftray.plan import EvaluateConfig, LeafInput, StageKind, StageNode, TrainConfig
from cftray.report import facts
from cftray.report.matrix_cells import Gathered, SharedStage

Pairs = list[tuple[str, str]]

MOST_VALUES: Final = 8
"""Values that are written out where cells differ; a longer list says how many there are."""
MOST_STAGES: Final = 40
"""Stages that are listed one by one, the longest first."""
SHORT: Final = 160
"""Characters of an axis' value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A phase's data: `rows` of the table that were trained on it, `languages` with their share in words."""

    phase: int
    data: str
    rows: str
    samples: int
    tokens: int
    supervised: int
    languages: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Stages of one kind: `made` of them are recorded, cells need `needed`; `alone` is the time without sharing.

    `share` is of the kind with the longest time.
    """

    what: str
    made: int
    needed: int
    seconds: str
    alone: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """`whole` are all kinds together, `rows` (label, time of stages that it alone needs, of those it shares)."""

    kinds: tuple[Cost, ...]
    whole: Cost
    elsewhere: str
    rows: tuple[tuple[str, str, str], ...]
    longest: tuple[tuple[str, int, str, str, str], ...]


def asked_of_all(found: Gathered) -> Pairs:
    """`facts.asked` of all cells in one: several values where cells differ, or how many there are."""
    values: dict[tuple[str, str], dict[str, None]] = {}
    for cell in found.cells.values():
        own: dict[tuple[str, str], list[str]] = {}
        last = ""
        for name, value in facts.asked(cell.spec):
            last = name or last
            own.setdefault((last, name), []).append(value)
        for key, parts in own.items():
            values.setdefault(key, {})[" + ".join(parts)] = None
    return [(name, _several(list(seen))) for (_, name), seen in values.items()]


def axes(document: Mapping[str, Any]) -> Pairs:
    """(axis, its values) of a matrix's document, and its cells beside the combinations."""
    told = [(str(name), " · ".join(map(_value, values))) for name, values in dict(document.get("axes") or {}).items()]
    more = [("a cell of its own", _value(cell)) for cell in document.get("cells") or ()]
    return told + more


def compositions(found: Gathered) -> list[Composed]:
    """Every data set that a phase was trained on, once; of several seeds the first one's."""
    seen: dict[str, tuple[StageNode, list[facts.Language], str, list[str]]] = {}
    for _, row in found.rows():
        done: set[int] = set()
        for experiment in row.experiments:
            for node, languages in facts.composed(found.stages[experiment]):
                phase = 1 if ".p1" in node.name else 2
                if node.fingerprint is None or phase in done:
                    continue
                done.add(phase)
                data = _data(found, experiment, phase)
                seen.setdefault(node.fingerprint, (node, languages, data, []))[3].append(row.label)
    made = [
        Composed(
            phase=1 if ".p1" in node.name else 2,
            data=data,
            rows=found.in_words(labels),
            samples=sum(one.samples for one in languages),
            tokens=sum(one.tokens for one in languages),
            supervised=sum(one.supervised for one in languages),
            languages=", ".join(f"{one.code} {one.share:.1%}" for one in languages),
        )
        for node, languages, data, labels in seen.values()
    ]
    return sorted(made, key=lambda one: one.phase)


def costs(found: Gathered) -> Costs:
    """Wall times of recorded stages, each once however many cells need it."""
    recorded = [one for one in found.distinct.values() if one.record is not None]
    kinds: dict[str, list[SharedStage]] = {}
    for one in recorded:
        kinds.setdefault(_kind(one.node), []).append(one)
    longest = max((_seconds(of) for of in kinds.values()), default=0.0) or 1.0
    ordered = sorted(kinds.items(), key=lambda item: -_seconds(item[1]))
    elsewhere = [one for one in recorded if one.record is not None and one.record.experiment not in found.cells]
    return Costs(
        kinds=tuple(_cost(what, of, _seconds(of) / longest) for what, of in ordered),
        whole=_cost("all stages", recorded, 1.0),
        elsewhere=f"{len(elsewhere):,} of them, {facts.duration(_seconds(elsewhere))}" if elsewhere else "",
        rows=tuple(_of_rows(found)),
        longest=tuple(_longest(recorded)),
    )


def provenance(found: Gathered) -> Pairs:
    """The hosts and packages that made the records."""
    return facts.provenance([(one.node, one.record) for one in found.distinct.values()])


def digests(found: Gathered) -> list[tuple[str, str, str]]:
    """(kind, where it is, digest) of everything from outside that the cells read, and of their task packs."""
    seen: dict[tuple[str, str, str], None] = {}
    for one in found.distinct.values():
        config = one.node.config
        if isinstance(config, EvaluateConfig):
            seen[("task pack", str(config.pack), config.pack_digest)] = None
        for source in one.node.inputs.values():
            if isinstance(source, LeafInput):
                leaf = source.leaf
                place = leaf.location if leaf.revision is None else f"{leaf.location} @ {leaf.revision}"
                seen[(str(leaf.kind), place, source.digest or "")] = None
    return list(seen)


def _several(values: Sequence[str]) -> str:
    if len(values) <= MOST_VALUES:
        return " · ".join(values)
    return f"{len(values)} values: {' · '.join(values[: MOST_VALUES - 1])} …"


def _value(value: Any) -> str:
    """`generative_replay (ratio 0.1)`, `pair similar`, or the value as it is."""
    match value:
        case {"label": str(text)}:
            pass
        case {"kind": str(kind), **rest}:
            settings = _fields(rest)
            text = f"{kind} ({settings})" if settings else kind
        case {**fields} if fields:
            text = _fields(fields)
        case str():
            text = value
        case _:
            text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"


def _fields(fields: Mapping[Any, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in fields.items() if value is not None)


def _data(found: Gathered, experiment: str, phase: int) -> str:
    spec = found.cells[experiment].spec
    if phase == 2:
        return facts.data_in_words(spec.phase2.data)
    return facts.data_in_words(spec.phase1.train.data) if spec.phase1.train is not None else ""


def _kind(node: StageNode) -> str:
    if isinstance(node.config, TrainConfig):
        if node.optional:
            return "train for MPD"
        return f"train phase {node.config.phase}"
    if node.kind is StageKind.EVALUATE:
        return "evaluate P1" if ".p1" in node.name else "evaluate P2"
    return node.kind.value.replace("_", " ")


def _seconds(stages: Sequence[SharedStage]) -> float:
    return sum(one.record.seconds for one in stages if one.record is not None)


def _cost(what: str, stages: Sequence[SharedStage], share: float) -> Cost:
    alone = sum(one.record.seconds * len(one.users) for one in stages if one.record is not None)
    return Cost(
        what=what,
        made=len(stages),
        needed=sum(len(one.users) for one in stages),
        seconds=facts.duration(_seconds(stages)),
        alone=facts.duration(alone),
        share=share,
    )


def _of_rows(found: Gathered) -> Iterator[tuple[str, str, str]]:
    rows = [(phase1, row) for phase1, row in found.rows()]
    places = {experiment: place for place, (_, row) in enumerate(rows) for experiment in row.experiments}
    own, shared = [0.0] * len(rows), [0.0] * len(rows)
    for one in found.distinct.values():
        needed = {places.get(experiment) for experiment in one.users}
        for place in needed - {None}:
            assert place is not None
            (own if len(needed) == 1 else shared)[place] += _seconds([one])
    for place, (phase1, row) in enumerate(rows):
        yield f"{row.label} (phase 1: {phase1})", facts.duration(own[place]), facts.duration(shared[place])


def _longest(stages: Sequence[SharedStage]) -> Iterator[tuple[str, int, str, str, str]]:
    """(title, cells that need it, time, who ran it, fingerprint)."""
    ordered = sorted(stages, key=lambda one: -(one.record.seconds if one.record is not None else 0.0))
    for one in ordered[:MOST_STAGES]:
        if one.record is not None:
            time = facts.duration(one.record.seconds)
            yield one.node.title, len(one.users), time, one.record.experiment, one.record.fingerprint
