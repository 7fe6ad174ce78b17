"""What a matrix found, in sentences computed from verdicts: plain phase 2 first, then what mitigations did to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from cftray.data.statistics import Verdict
from cftray.report.grid import SUITES, half_width, points, signed
from cftray.report.matrix import Effect, MatrixRow
from cftray.report.matrix_cells import Gathered
from cftray.report.story import suite_sentences

MOST_ROWS: Final = 5
"""Rows of a kind that are told one by one at the head; of more, how many came to what."""
VERBS: Final = {Effect.HELPS: "helps", Effect.HURTS: "hurts"}


def headline(found: Gathered) -> list[str]:
    """How far the matrix is and what it found, few sentences however many rows there are."""
    plain, mitigated = list(_plain(found)), list(_mitigated(found))
    told = list(_progress(found))
    told += plain if len(plain) <= MOST_ROWS else list(_counts_of_changes(found))
    told += mitigated if len(mitigated) <= MOST_ROWS else list(_counts_of_effects(found))
    return [*told, *_seeds(found)]


def row_by_row(found: Gathered) -> list[str]:
    """Every row's sentences; nothing where the headline has them all."""
    plain, mitigated = list(_plain(found)), list(_mitigated(found))
    return [*plain, *mitigated] if max(len(plain), len(mitigated)) > MOST_ROWS else []


def _progress(found: Gathered) -> Iterator[str]:
    states = Counter(cell.state for cell in found.cells.values())
    others = ", ".join(f"{count} {state}" for state, count in states.items() if state != "succeeded")
    if others:
        over = "" if found.complete else "Not finished: "
        yield f"{over}{found.finished} of {len(found.cells)} cells are evaluated; {others}."


def _plain(found: Gathered) -> Iterator[str]:
    """Each phase 2 that nothing stands against: no mitigation, or no plain row to be compared with."""
    for phase1, row in found.rows():
        if not row.against_plain and any(one.change is not None for one in row.results.rows):
            yield f"{row.label}, after phase 1 on {phase1}: {' '.join(suite_sentences(row.results))}"


def _mitigated(found: Gathered) -> Iterator[str]:
    for _, row in found.rows():
        if row.against_plain:
            yield f"{row.label} against plain phase 2: {'; '.join(_effects(row))}."


def _effects(row: MatrixRow) -> Iterator[str]:
    for suite, change in row.against_plain.items():
        name, effect = SUITES.get(suite, suite).lower(), row.effects[suite]
        size = f"{signed(change.difference)} ± {points(half_width(change))}"
        if effect is Effect.NOISE:
            yield f"{name} {size}, inside the noise"
        else:
            yield f"{VERBS[effect]} {name} ({size})"


def _counts_of_effects(found: Gathered) -> Iterator[str]:
    rows = [row for _, row in found.rows() if row.against_plain]
    for suite in dict.fromkeys(suite for row in rows for suite in row.effects):
        effects = Counter(row.effects[suite] for row in rows if suite in row.effects)
        yield (
            f"Against plain phase 2, {effects[Effect.HELPS]} of {effects.total()} rows help "
            f"{SUITES.get(suite, suite).lower()}, {effects[Effect.HURTS]} hurt it, {effects[Effect.NOISE]} are inside "
            "the noise."
        )


def _counts_of_changes(found: Gathered) -> Iterator[str]:
    for suite, name in SUITES.items():
        changes = [one.change for _, row in found.rows() for one in row.results.rows if one.key == suite and one.change]
        if changes:
            verdicts = Counter(change.verdict for change in changes)
            yield (
                f"Since P1, {name.lower()} falls in {verdicts[Verdict.FALLS]} of {len(changes)} rows, rises in "
                f"{verdicts[Verdict.RISES]}, and stays inside the noise in {verdicts[Verdict.NOISE]}."
            )


def _seeds(found: Gathered) -> Iterator[str]:
    counts = {len(row.results.seeds) for _, row in found.rows() if row.results.seeds}
    if counts == {1}:
        yield "One seed: how far another seed would differ is not known."
