"""How much of the benchmarks stood in the training data, as told before training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cftray.plan import StageKind
from cftray.report.facts import Stages
from cftray.report.grid import benchmark_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A run of words of an item that a training row has too."""

    where: str
    row: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contaminated:
    """`rows` are (benchmark, items, those of them shorter than the `n` words compared, a cell a phase)."""

    n: int
    phases: tuple[str, ...]
    rows: tuple[tuple[str, int, int, tuple[str, ...]], ...]
    examples: tuple[Shared, ...]


def contaminated(stages: Stages) -> Contaminated | None:
    """The table of benchmarks and phases, as far as recorded; None where nothing is."""
    found = {
        f"phase {node.name.rpartition('.p')[2]}": record.details
        for node, record in stages
        if node.kind is StageKind.CONTAMINATION and record is not None and "benchmarks" in record.details
    }
    if not found:
        return None
    benchmarks = dict.fromkeys(name for details in found.values() for name in details["benchmarks"])
    rows = [
        (
            benchmark_name(name),
            _most(found, name, "items"),
            _most(found, name, "short"),
            tuple(_cell(details, name) for details in found.values()),
        )
        for name in benchmarks
    ]
    return Contaminated(
        n=next(iter(found.values()))["n"],
        phases=tuple(found),
        rows=tuple(rows),
        examples=tuple(
            Shared(where=f"{one['item']}, {phase}", row=one["row"], words=one["words"])
            for phase, details in found.items()
            for overlap in details["benchmarks"].values()
            for one in overlap["examples"]
        ),
    )


def _most(found: Mapping[str, Mapping[str, Any]], name: str, figure: str) -> int:
    return max(int(details["benchmarks"].get(name, {}).get(figure, 0)) for details in found.values())


def _cell(details: Mapping[str, Any], name: str) -> str:
    overlap = details["benchmarks"].get(name)
    return f"{overlap['contaminated']:,} ({overlap['share']:.1%})" if overlap else ""
