"""The report: one HTML page that needs nothing else, from a spec, its plan and the records."""

from __future__ import annotations

from markupsafe import Markup

from cftray.data.scores import BY_LANGUAGE, Level
from cftray.plan import Plan
from cftray.report import facts, grid
from cftray.report.contaminated import contaminated
from cftray.report.curves import line_plot
from cftray.report.likeness import likeness
from cftray.report.notes import notes
from cftray.report.page import as_yaml, template
from cftray.report.realised import pictures, realised
from cftray.report.results import results
from cftray.report.rows_read import rows_read
from cftray.report.scoring import scoring
from cftray.report.story import findings
from cftray.report.translations import translations
from cftray.report.views import Results, Row
from cftray.spec import ExperimentSpec
from cftray.store import Store

SPEC_FILE = "experiment.yaml"


def html_report(
    spec: ExperimentSpec, plan: Plan, store: Store, *, experiment: str | None = None, bundle: str | None = None
) -> str:
    """The page, as far as there are records. `experiment` is the id under which the service knows it, `bundle` a
    `data:` link to what `cftray reproduce` takes."""
    stages = facts.stages_of(plan, store)
    found = results(plan, store, spec)
    finished = [record.finished_at for _, record in stages if record is not None]
    return template("report.html.jinja").render(
        spec=spec,
        experiment=experiment,
        bundle=bundle,
        finished=max(finished, default="")[:16].replace("T", " "),
        findings=findings(found),
        results=found,
        blocks=_blocks(found),
        legend=grid.legend(found),
        notes=notes(found),
        floors=any(row.noise is not None for row in found.rows),
        seeds=_seed_table(found),
        languages=_language_table(found),
        asked=facts.asked(spec),
        likeness=likeness(spec, stages, store, found.analyses),
        realised=realised(stages),
        pictures=pictures(stages, store),
        plots=_plots(stages, store),
        rows_read=rows_read(stages),
        composition=facts.composition(stages),
        contaminated=contaminated(stages),
        scoring=scoring(plan, stages, found),
        timings=facts.timings(stages, experiment, store),
        total=facts.duration(facts.total_seconds(stages)),
        generated=facts.generated(stages),
        translated=translations(stages),
        provenance=facts.provenance(stages),
        spec_file=SPEC_FILE,
        spec_text=as_yaml(spec.model_dump(mode="json")),
    )


def _blocks(found: Results) -> list[tuple[str, str, list[grid.Column]]]:
    """(suite, its name, its columns): a table each, side by side where there is room."""
    columns = grid.columns(found)
    suites = dict.fromkeys(column.suite for column in columns)
    return [(suite, grid.SUITES.get(suite, suite), [one for one in columns if one.suite == suite]) for suite in suites]


def _seed_table(found: Results) -> list[tuple[int, list[tuple[str, Row]]]]:
    """(seed, (name, suite mean) pairs) of complete replicas, where there are several."""
    if len(found.replicas) < 2:
        return []
    table = []
    for replica in found.replicas:
        means = [row for row in replica.rows if row.level is Level.SUITE and not row.paper]
        if replica.complete and means:
            table.append((replica.seed, [(row.suite.upper(), row) for row in means]))
    return table


def _language_table(found: Results) -> tuple[list[str], list[tuple[str, list[Row | None]]]]:
    """(benchmarks with their metric, (language, its row in each)) over the languages of LA's benchmarks."""
    parts = [row for row in found.rows if row.level is Level.PART and row.suite == BY_LANGUAGE]
    shown = {(row.benchmark, row.paper): row.model_copy(update={"whole": True}) for row in parts}
    benchmarks = dict.fromkeys(benchmark for benchmark, _ in shown)
    order = [(one, paper) for one in benchmarks for paper in (False, True) if (one, paper) in shown]
    titles = [grid.label_of(shown[place], named=(place[0], True) in shown) for place in order]
    by_place = {(row.benchmark, row.paper, row.language): row for row in parts}
    languages = dict.fromkeys(row.language or "" for row in parts)
    return titles, [(one, [by_place.get((*place, one)) for place in order]) for one in languages]


def _plots(stages: facts.Stages, store: Store) -> list[tuple[str, Markup, list[str]]]:
    """(title, SVG, labels of its lines) of each trained phase."""
    plots = []
    for phase in (1, 2):
        curves = facts.curves(stages, store, phase)
        if curves:
            title = f"Loss of phase {phase}"
            plots.append((title, line_plot(curves, title), [curve.label for curve in curves]))
    return plots

