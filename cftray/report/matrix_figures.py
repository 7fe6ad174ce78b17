"""A matrix's figures by name: what can be drawn of the cells there are, drawn only when somebody looks.

Matplotlib is loaded by the first drawing. A figure that has nothing to show is not among them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Final

from cftray.analysis.correlation import correlate
from cftray.analysis.figures.changes import Languages, Means, Moved, language_changes, mean_changes
from cftray.analysis.figures.forgetting import Cell, forgetting, over_pairs, told
from cftray.analysis.figures.layers import LayerMap, layer_maps
from cftray.analysis.figures.losses import LossCurve, LossPanel, loss_curves
from cftray.analysis.figures.style import label, only
from cftray.analysis.figures.variance import Panel, curve_of, difference_curves
from cftray.analysis.representations import Representations
from cftray.data.scores import BY_LANGUAGE, Level
from cftray.data.statistics import Verdict
from cftray.plan import StageKind, TrainConfig
from cftray.report.curves import read_curve, thinned
from cftray.report.grid import SUITES, benchmark_name
from cftray.report.matrix import MatrixRow
from cftray.report.matrix_cells import PLAIN, Gathered
from cftray.report.matrix_likeness import DES, MPD, measured, pair_of
from cftray.report.views import Change, Row
from cftray.store import Store

Files = tuple[Path, Path]

MOST_ROWS: Final = 60
"""Rows of a figure; the tables have all."""
MOST_LINES: Final = 10
"""Lines of one panel that can still be told apart."""
MOST_PANELS: Final = 6
BETWEEN: Final = " · "
"""Stands between the parts of a row's name, the mitigation last."""
MOST_NAMES: Final = 16
"""Points whose names still stand beside each other."""
MEASURES: Final = {"des": (DES, "DES"), "mpd": (MPD, "MPD")}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixFigure:
    """A figure that can be drawn; `notes` are what it comes to, and what it leaves out, in words.

    `draw` leaves `name.png` and `name.svg` in a folder.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    draw: Callable[[Path], Files]

    def content(self, kind: str) -> bytes:
        """The drawing as `png` or `svg`."""
        with tempfile.TemporaryDirectory(prefix="cftray-figure-") as folder, only(kind):
            png, svg = self.draw(Path(folder))
            return (png if kind == "png" else svg).read_bytes()


def matrix_figures(found: Gathered, store: Store) -> dict[str, MatrixFigure]:
    """Every figure that the cells give something for, in the report's order."""
    every = (_changes(found), *_forgetting(found), _languages(found), _losses(found, store), *_inside(found, store))
    return {one.name: one for one in every if one is not None}


def names_of(found: Gathered) -> dict[int, str]:
    """What each row is called in a figure, by its place in the table: short, and no two alike."""
    rows = list(found.rows())
    several = len(found.table.groups) > 1
    twice = [row.label for _, row in rows]
    whole = [f"{row.label}, {phase1}" if several and twice.count(row.label) > 1 else row.label for phase1, row in rows]
    return dict(enumerate(_told_apart(whole)))


def _told_apart(texts: Sequence[str]) -> list[str]:
    taken: Counter[str] = Counter()
    names = []
    for short in map(label, texts):
        taken[short] += 1
        names.append(short if taken[short] == 1 else f"{short} #{taken[short]}")
    return names


def _changes(found: Gathered) -> MatrixFigure | None:
    names, panels = names_of(found), []
    rows = [(names[place], row) for place, (_, row) in enumerate(found.rows())]
    for suite, title in SUITES.items():
        moved = [_moved(name, one) for name, row in rows if (one := _mean(row, suite)) is not None]
        if moved:
            panels.append(Means(title=title, rows=moved[:MOST_ROWS]))
    if not panels:
        return None
    notes = "Change of each suite's mean since P1 with its 95 % interval; filled: beyond the noise, hollow: inside it."
    return MatrixFigure(
        name="changes", title="What phase 2 changed", notes=(notes, *_first_of(len(rows), MOST_ROWS)),
        draw=lambda folder: mean_changes(panels, folder),
    )  # fmt: skip


def _forgetting(found: Gathered) -> Iterator[MatrixFigure | None]:
    names = names_of(found)
    for key, (measure, title) in MEASURES.items():
        cells = []
        for place, (_, row) in enumerate(found.rows()):
            values = [one.value for one in measured(found, row, measure)]
            change = _mean(row, "ta")
            if values and change is not None and change.change is not None:
                mitigation = found.mitigation(row)
                cells.append(
                    Cell(
                        label=names[place], similarity=fmean(values), group=_group(mitigation),
                        pair=pair_of(found.cells[row.experiments[0]].spec),
                        change=100 * change.change.difference, low=100 * change.change.low,
                        high=100 * change.change.high,
                    )
                )  # fmt: skip
        yield _scatter(f"forgetting-{key}", title, cells) if cells else None


def _scatter(name: str, measure: str, cells: Sequence[Cell]) -> MatrixFigure:
    """Rows of one pair share its similarity: plain phase 2 stands for it where there are mitigations, and of several
    rows their mean."""
    plain = [one for one in cells if one.group == _group(PLAIN)]
    shared = 0 < len(plain) < len(cells)
    kept = plain if shared else cells
    found = over_pairs(kept)
    means = ", the mean of each pair's" if found.n < len(kept) else ""
    notes = [f"{'Plain phase 2' if shared else 'All rows'}{means}: {'; '.join(told(found))}."]
    if found.n < len(cells):
        every = correlate([one.similarity for one in cells], [one.change for one in cells])
        if every.pearson is not None and every.spearman is not None:
            both = f"r = {every.pearson.value:+.2f}, ρ = {every.spearman.value:+.2f}".replace("-", "−")
            notes.append(
                f"All {every.n} rows{', mitigations among them' if shared else ''}: {both}; without an interval, since "
                "rows of one pair share its similarity and are no points of their own."
            )
    named = cells if len(cells) <= MOST_NAMES and not shared else [_unnamed(one) for one in cells]
    if shared and len(plain) <= MOST_NAMES:
        named = [one if one in plain else _unnamed(one) for one in cells]
    return MatrixFigure(
        name=name, title=f"Forgetting and similarity: {measure}", notes=tuple(notes),
        draw=lambda folder: forgetting(
            named, folder, measure=measure, score="TA, points,", group=_group(PLAIN) if shared else None, name=name
        )[1],
    )  # fmt: skip


def _unnamed(cell: Cell) -> Cell:
    return replace(cell, label="")


def _group(mitigation: str) -> str:
    return "plain phase 2" if mitigation == PLAIN else label(mitigation)


def _languages(found: Gathered) -> MatrixFigure | None:
    names = names_of(found)
    rows = [(names[place], row) for place, (_, row) in enumerate(found.rows())]
    shown = [(name, row) for name, row in rows if any(_of_language(one) for one in row.results.rows)][:MOST_ROWS]
    parts = [one for _, row in shown for one in row.results.rows if _of_language(one)]
    panels = []
    for benchmark in dict.fromkeys(str(one.benchmark) for one in parts):
        languages = list(dict.fromkeys(str(one.language) for one in parts if one.benchmark == benchmark))
        by_row = [
            {str(one.language): one.change for one in row.results.rows if _of_language(one, benchmark)}
            for _, row in shown
        ]
        panels.append(
            Languages(
                title=benchmark_name(benchmark), rows=[name for name, _ in shown], columns=languages,
                changes=[[_points(row.get(one)) for one in languages] for row in by_row],
                beyond=[[_beyond(row.get(one)) for one in languages] for row in by_row],
            )
        )  # fmt: skip
    if not panels:
        return None
    note = "Change since P1 in points of each language; bold: beyond the noise, corrected among a row's languages."
    return MatrixFigure(
        name="languages", title="What phase 2 changed in each language", notes=(note, *_first_of(len(rows), MOST_ROWS)),
        draw=lambda folder: language_changes(panels, folder),
    )  # fmt: skip


def _losses(found: Gathered, store: Store) -> MatrixFigure | None:
    names, panels = names_of(found), []
    groups = _told_apart([group.phase1 for group in found.table.groups])
    firsts = [name for name, group in zip(groups, found.table.groups, strict=True) for _ in group.rows]
    curves: dict[int, dict[str, list[LossCurve]]] = {1: {}, 2: {}}
    done: set[str] = set()
    for place, (_, row) in enumerate(found.rows()):
        for experiment in row.experiments:
            for node, record in found.stages[experiment]:
                config = node.config
                if not isinstance(config, TrainConfig) or node.optional or record is None:
                    continue
                if "curve" not in record.outputs or record.fingerprint in done:
                    continue
                done.add(record.fingerprint)
                name = firsts[place] if config.phase == 1 else names[place]
                curve = thinned(read_curve(store.output(record, "curve"), name))
                own = LossCurve(label=name, steps=curve.steps, losses=curve.losses)
                curves[config.phase].setdefault(name, []).append(own)
    for phase, lines in curves.items():
        for first in range(0, min(len(lines), MOST_ROWS), MOST_LINES):
            part = list(lines.values())[first : first + MOST_LINES]
            more = f", rows {first + 1} to {first + len(part)}" if len(lines) > MOST_LINES else ""
            panels.append(LossPanel(title=f"Phase {phase}{more}", curves=[one for of in part for one in of]))
    if not panels:
        return None
    note = "Loss per supervised token, smoothed; thin lines are seeds, the thick one their mean."
    return MatrixFigure(
        name="losses", title="Loss", notes=(note, *_first_of(len(curves[2]), MOST_ROWS)),
        draw=lambda folder: loss_curves(panels, folder),
    )  # fmt: skip


def _inside(found: Gathered, store: Store) -> Iterator[MatrixFigure | None]:
    """Figures 2 and 1 of the paper, over rows; of several seeds the first that has a result."""
    names = names_of(found)
    results = []
    for place, (_, row) in enumerate(found.rows()):
        result = _representations(found, row, store)
        if result is not None:
            results.append((names[place], result))
    pairs = [(name, one) for name, one in results if any(layer.difference is not None for layer in one.by_layer)]
    panels = _panels(pairs)
    yield None if not panels else MatrixFigure(
        name="covariance", title="How far the activations' covariance moved, layer by layer",
        notes=("P1 against each row's P2, as in the paper's Figures 2 and D4.",
               *_first_of(len(pairs), MOST_LINES * MOST_PANELS)),
        draw=lambda folder: difference_curves(panels, folder),
    )  # fmt: skip
    maps = [
        LayerMap(title=name, labels=one.labels, points=one.points) for name, one in results[:MOST_PANELS] if one.points
    ]
    yield None if not maps else MatrixFigure(
        name="layers", title="Layers of P1 and P2 by t-SNE",
        notes=("As in the paper's Figure 1; distances between far groups mean little.",
               *_first_of(len(results), MOST_PANELS)),
        draw=lambda folder: layer_maps(maps, folder),
    )  # fmt: skip


def _panels(pairs: Sequence[tuple[str, Representations]]) -> list[Panel]:
    """A panel for each pair of data where each has several rows, as in the paper's Figure D4; else as many rows a panel
    as can be told apart."""
    groups: dict[str, list[tuple[str, Representations]]] = {}
    for name, one in pairs:
        group, _, own = name.rpartition(BETWEEN)
        groups.setdefault(group, []).append((own, one))
    if not (1 < len(groups) <= MOST_PANELS and all(1 < len(of) <= MOST_LINES for of in groups.values())):
        parts = [pairs[first : first + MOST_LINES] for first in range(0, len(pairs), MOST_LINES)][:MOST_PANELS]
        return [Panel(title="", curves=[curve_of(one, name) for name, one in part]) for part in parts]
    return [Panel(title=group, curves=[curve_of(one, own) for own, one in of]) for group, of in groups.items()]


def _representations(found: Gathered, row: MatrixRow, store: Store) -> Representations | None:
    for experiment in row.experiments:
        for node, record in found.stages[experiment]:
            if node.kind is StageKind.REPRESENTATIONS and record is not None and "result" in record.outputs:
                return Representations.read(store.output(record, "result"))
    return None


def _mean(row: MatrixRow, suite: str) -> Row | None:
    """The row of a suite's mean, where it has a change."""
    return next((one for one in row.results.rows if one.key == suite and one.change is not None), None)


def _moved(name: str, mean: Row) -> Moved:
    change = mean.change
    assert change is not None
    return Moved(
        label=name, change=100 * change.difference, low=100 * change.low, high=100 * change.high,
        beyond=change.verdict is not Verdict.NOISE,
    )  # fmt: skip


def _of_language(row: Row, benchmark: str | None = None) -> bool:
    part = row.level is Level.PART and row.suite == BY_LANGUAGE and not row.paper and row.change is not None
    return part and benchmark in (None, row.benchmark)


def _points(change: Change | None) -> float | None:
    return None if change is None else 100 * change.difference


def _beyond(change: Change | None) -> bool:
    return change is not None and change.verdict is not Verdict.NOISE


def _first_of(rows: int, most: int) -> tuple[str, ...]:
    return (f"The first {most} of {rows} rows; the tables have all.",) if rows > most else ()
