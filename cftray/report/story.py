"""What was found, in sentences computed from verdicts."""

from __future__ import annotations

from cftray.data.scores import Level
from cftray.data.statistics import Verdict
from cftray.report.grid import SUITES, benchmark_name, coverage, half_width, points, signed
from cftray.report.notes import gate_notes
from cftray.report.views import Results, Row

VERBS = {Verdict.RISES: "rises", Verdict.FALLS: "falls"}


def findings(results: Results) -> list[str]:
    """A sentence a suite, and one on what is not known yet."""
    if not results.rows:
        return ["Nothing is evaluated yet."]
    suites = list(dict.fromkeys(row.suite for row in results.rows if row.p1 is not None or row.p2 is not None))
    decided = list(gate_notes(results.gates))
    if all(row.change is None for row in results.rows):
        return decided + _without_change(" and ".join(SUITES.get(suite, suite).lower() for suite in suites), results)
    sentences = suite_sentences(results)
    if not all(replica.complete for replica in results.replicas):
        sentences.append(f"Not all replicas are evaluated; this is over seeds {_listed(results.seeds)}.")
    elif len(results.seeds) == 1:
        sentences.append("One seed: how far another seed would differ is not known.")
    if results.missing and all(replica.complete for replica in results.replicas):
        sentences.append(f"Not recorded yet: {', '.join(results.missing)}.")
    return sentences + decided


def suite_sentences(results: Results) -> list[str]:
    """What became of each suite between P1 and P2."""
    suites = dict.fromkeys(row.suite for row in results.rows if row.p1 is not None or row.p2 is not None)
    return [_suite(suite, results) for suite in suites]


def _without_change(names: str, results: Results) -> list[str]:
    if results.single:
        return [f"One model was evaluated; its {names} is known."]
    if results.gates and not results.missing:
        return [f"P1's {names} is known; there is no P2."]
    if any(row.p2 is not None for row in results.rows):
        return ["P1 and P2 are evaluated, but no score of both is whole, so nothing can be said about a change."]
    return [f"P1's {names} is known; P2 is not evaluated yet, so nothing can be said about a change."]


def _suite(suite: str, results: Results) -> str:
    name = SUITES.get(suite, suite)
    rows = [row for row in results.rows if row.suite == suite and row.level is not Level.PART and not row.paper]
    mean = next((row for row in rows if row.level is Level.SUITE), None)
    moved = [row for row in rows if row.level is Level.BENCHMARK and row.change and row.change.verdict in VERBS]
    detail = f": {', '.join(_moved(row) for row in moved)}" if moved else ""
    if mean is None or mean.change is None or mean.p1 is None or mean.p2 is None:
        absent = f"{name} has no mean, since a part of it is missing"
        return f"{absent}{detail}." if moved else f"{absent}; no benchmark of it moves beyond the noise."
    name = name if mean.whole else f"{name} ({coverage(mean)})"
    change = mean.change
    size = f"{signed(change.difference)} ± {points(half_width(change))}"
    span = f"from {points(mean.p1.score)} to {points(mean.p2.score)} ({size})"
    if change.verdict is Verdict.NOISE:
        seen = f"{name} goes {span}, which is inside the noise"
        return f"{seen}, but not in every benchmark{detail}." if moved else f"{seen}."
    return f"{name} {VERBS[change.verdict]} {span}{detail}."


def _moved(row: Row) -> str:
    assert row.change is not None
    name, size = benchmark_name(row.benchmark or row.key), points(abs(row.change.difference))
    return f"{name} {VERBS[row.change.verdict]} by {size}"


def _listed(seeds: tuple[int, ...]) -> str:
    return ", ".join(str(seed) for seed in seeds)
