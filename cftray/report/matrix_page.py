"""A matrix's report: one HTML page that needs nothing else, of the cells there are and the records they have left."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cftray.analysis.figures.style import only
from cftray.report import matrix_facts as facts
from cftray.report.drawn import in_line
from cftray.report.matrix import CellPlan
from cftray.report.matrix_cells import Gathered, gathered
from cftray.report.matrix_figures import MatrixFigure, matrix_figures
from cftray.report.matrix_html import html_table
from cftray.report.matrix_likeness import inside, lacking, pairs_alike
from cftray.report.matrix_sheets import language_sheets, seed_sheet, suite_sheets
from cftray.report.matrix_story import headline, row_by_row
from cftray.report.matrix_text import LEGEND, csv_matrix, matrix_notes
from cftray.report.page import as_yaml, data_link, template
from cftray.report.scoring import Scoring, scoring
from cftray.store import Store

SPEC_FILE = "matrix.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A figure on the page: its SVG, and the words under it."""

    title: str
    svg: Markup
    notes: tuple[str, ...]


def matrix_report(
    name: str, document: Mapping[str, Any], cells: Sequence[CellPlan], store: Store, *, matrix: str | None = None
) -> str:
    """The page, as far as there are records. `document` is the matrix's, `matrix` the id under which the service knows
    it. Raises InternalError where scores can't be read."""
    return page_of(gathered(name, cells, store), document, store, matrix=matrix)


def page_of(
    found: Gathered,
    document: Mapping[str, Any],
    store: Store,
    *,
    matrix: str | None = None,
    folder: Path | None = None,
) -> str:
    """`matrix_report` of cells that are gathered already. Figures are drawn in `folder` and stay there, as PNG and SVG;
    None: they are drawn for the page alone."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="cftray-figures-") as own, only("svg"):
            return page_of(found, document, store, matrix=matrix, folder=Path(own))
    figures = {name: _shown(one, folder) for name, one in matrix_figures(found, store).items()}
    finished = [one.record.finished_at for one in found.distinct.values() if one.record is not None]
    spec_text = as_yaml(dict(document))
    seeds = seed_sheet(found.table)
    return template("matrix.html.jinja").render(
        name=found.table.name,
        matrix=matrix,
        project=" · ".join(dict.fromkeys(cell.spec.project for cell in found.cells.values())),
        complete=found.complete,
        finished=max(finished, default="")[:16].replace("T", " "),
        findings=headline(found),
        sentences=row_by_row(found),
        asked=facts.asked_of_all(found),
        axes=facts.axes(document),
        cells=list(found.cells.values()),
        rows=sum(1 for _ in found.rows()),
        failed=found.table.failed,
        open=[cell for cell in found.cells.values() if cell.open],
        sheets=[Markup(html_table(one)) for one in suite_sheets(found.table)],
        language_sheets=[Markup(html_table(one)) for one in language_sheets(found.table)],
        seeds=None if seeds is None else Markup(html_table(seeds)),
        legend=LEGEND,
        notes=matrix_notes(found.table),
        csv=data_link(csv_matrix(found.table), "text/csv"),
        figures=figures,
        pairs_alike=pairs_alike(found),
        inside=inside(found),
        lacking=lacking(found),
        scoring=_scoring(found),
        compositions=facts.compositions(found),
        costs=facts.costs(found),
        provenance=facts.provenance(found),
        digests=facts.digests(found),
        spec_file=SPEC_FILE,
        spec_text=spec_text,
        spec_link=data_link(spec_text, "application/yaml"),
    )


def _shown(one: MatrixFigure, folder: Path) -> _Shown:
    _, svg = one.draw(folder)
    drawn = in_line(svg.read_text(encoding="utf-8"), one.name, one.title)
    return _Shown(title=one.title, svg=drawn, notes=one.notes)


def _scoring(found: Gathered) -> Scoring | None:
    """How the first cell that has scores was scored; all are scored alike unless an axis says otherwise."""
    for experiment, cell in found.cells.items():
        row = next((one for _, one in found.rows() if experiment in one.experiments), None)
        told = None if row is None else scoring(cell.plan, found.stages[experiment], row.results)
        if told is not None:
            return told
    return None
