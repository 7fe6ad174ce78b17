"""How alike the phases of a matrix's pairs are, and what its rows changed inside the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from cftray.plan import StageKind, canonical
from cftray.report.analysed import AnalysisState, Measure
from cftray.report.analysis_text import absent, figure
from cftray.report.facts import data_in_words
from cftray.report.grid import ABSENT
from cftray.report.matrix import MatrixRow
from cftray.report.matrix_cells import Gathered
from cftray.spec import ExperimentSpec

DES, MPD = "similarity/des", "similarity/mpd"
NAMES = {
    StageKind.DES: "DES", StageKind.MPD: "MPD", StageKind.REPRESENTATIONS: "Representations",
    StageKind.CROSSLINGUAL: "Languages side by side",
}  # fmt: skip
INSIDE = {
    "representations/covariance_difference": "covariance of layers differs by",
    "representations/layer_difference_relative_mean": "layer by layer, of its size",
}
"""Measures of a row's model against its P1, and what stands over their column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAlike:
    """Two phases' data, how alike they are, in words; `rows` of the table have them."""

    phase1: str
    phase2: str
    des: str
    mpd: str
    rows: str


def measured(found: Gathered, row: MatrixRow, name: str) -> list[Measure]:
    """A measure of each of a row's cells that has it."""
    return [
        measure
        for experiment in row.experiments
        for one in found.analyses[experiment]
        for measure in one.measures
        if measure.name == name
    ]


def pairs_alike(found: Gathered) -> list[PairAlike]:
    """Each pair of data sets, as far as any of its cells has DES or MPD; nothing where none was asked for."""
    pairs: dict[str, list[MatrixRow]] = {}
    for _, row in found.rows():
        spec = found.cells[row.experiments[0]].spec
        # MPD's second model is trained as phase 2 is, so it is one figure only for one way of training.
        how = spec.phase2.hyperparameters if measured(found, row, MPD) else None
        key = canonical({"first": spec.phase1, "second": spec.phase2.data, "how": how})
        pairs.setdefault(key, []).append(row)
    told = []
    for rows in pairs.values():
        des = [one for row in rows for one in measured(found, row, DES)]
        mpd = [one.value for one in dict.fromkeys(one for row in rows for one in measured(found, row, MPD))]
        if des or mpd:
            spec = found.cells[rows[0].experiments[0]].spec
            told.append(
                PairAlike(
                    phase1=_first(spec), phase2=data_in_words(spec.phase2.data), des=figure(des[0]) if des else ABSENT,
                    mpd=_over_seeds(mpd), rows=found.in_words([row.label for row in rows]),
                )
            )  # fmt: skip
    return told


def pair_of(spec: ExperimentSpec) -> str:
    """Equal for cells whose two phases have the same data, however they were trained on them."""
    first = spec.phase1.adopt if spec.phase1.train is None else spec.phase1.train.data
    return canonical({"first": first, "second": spec.phase2.data})


def inside(found: Gathered) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """(heads, (row, its measures)) of what changed inside the model; both empty where nothing is measured."""
    lines = []
    for _, row in found.rows():
        values = [[one.value for one in measured(found, row, name)] for name in INSIDE]
        if any(values):
            lines.append((row.label, [_over_seeds(one) for one in values]))
    return (list(INSIDE.values()), lines) if lines else ([], [])


def lacking(found: Gathered) -> list[tuple[str, str]]:
    """(analysis, why it has no figures and in which rows), those with one reason together; not what is still to come of
    a cell that is not over."""
    reasons: dict[tuple[StageKind, str], list[str]] = {}
    for _, row in found.rows():
        for experiment in row.experiments:
            for one in found.analyses[experiment]:
                awaited = one.state is AnalysisState.AWAITED and found.cells[experiment].open
                if one.state is not AnalysisState.FOUND and not awaited:
                    reasons.setdefault((one.kind, absent(one)), []).append(row.label)
    return [(NAMES[kind], f"{why} ({found.in_words(rows)})") for (kind, why), rows in reasons.items()]


def _over_seeds(values: Sequence[float]) -> str:
    if not values:
        return ABSENT
    spread = f" ± {stdev(values):.2g} (sd of {len(values)} seeds)" if len(values) > 1 else ""
    return f"{fmean(values):.4g}{spread}"


def _first(spec: ExperimentSpec) -> str:
    if spec.phase1.train is not None:
        return data_in_words(spec.phase1.train.data)
    return f"adopted: {spec.phase1.adopt.model if spec.phase1.adopt is not None else ''}"
