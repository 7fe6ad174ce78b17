"""The report of a single model's evaluation: one HTML page of its scores, in the dress of an experiment's."""

from __future__ import annotations

from cftray.data.scores import Level
from cftray.plan import Plan
from cftray.report import facts, grid
from cftray.report.notes import notes
from cftray.report.page import as_yaml, template
from cftray.report.results import Row, Score, results
from cftray.report.scoring import scoring
from cftray.spec import ModelEvaluationSpec, TextTemplate
from cftray.store import Store

SPEC_FILE = "evaluation.yaml"
CI = 1.96
"""Half of a 95 % interval in standard errors."""


def model_report(spec: ModelEvaluationSpec, plan: Plan, store: Store, *, evaluation: str | None = None) -> str:
    """The page, as far as there are records. `evaluation` is the id under which the service knows it."""
    stages = facts.stages_of(plan, store)
    found = results(plan, store)
    finished = [record.finished_at for _, record in stages if record is not None]
    return template("model.html.jinja").render(
        spec=spec,
        evaluation=evaluation,
        finished=max(finished, default="")[:16].replace("T", " "),
        rows=[_cells(row, row.p1) for row in found.rows if row.p1 is not None],
        notes=notes(found),
        scoring=scoring(plan, stages, found),
        asked=_asked(spec),
        generated=facts.generated(stages),
        timings=facts.timings(stages, evaluation, store),
        provenance=facts.provenance(stages),
        spec_file=SPEC_FILE,
        spec_text=as_yaml(spec.model_dump(mode="json")),
    )


def score_name(key: str, level: Level, benchmark: str | None, language: str | None) -> str:
    """`Task ability, mean`, `XQuAD`, `XQuAD de`; what the key says further stands behind it."""
    suite = grid.SUITES.get(key.removeprefix("paper/").partition("/")[0], key)
    name = f"{suite}, mean" if level is Level.SUITE or benchmark is None else grid.benchmark_name(benchmark)
    parts = [name, language or ""] if level is Level.PART else [name]
    parts += ["(languages asked for)"] if key.endswith("/asked") else []
    parts += ["(paper's metric)"] if key.startswith("paper/") else []
    return " ".join(part for part in parts if part)


def _cells(row: Row, score: Score) -> dict[str, str]:
    return {
        "level": row.level.value,
        "name": score_name(row.key, row.level, row.benchmark, row.language),
        "metric": row.metric or "",
        "score": grid.score_text(score),
        "interval": "" if score.stderr is None else f"±{grid.points(CI * score.stderr)}",
        "n": f"{score.n:,}",
    }


def _asked(spec: ModelEvaluationSpec) -> list[tuple[str, str]]:
    """(what, value) pairs."""
    asked, template = spec.evaluation, spec.template
    revision = f" @ {spec.model.revision}" if spec.model.revision else ""
    limit = "all items" if asked.limit is None else f"the first {asked.limit} items of each task"
    rows = [
        ("Model", f"{spec.model.model}{revision}, {spec.precision}"),
        ("Template", f"text, {len(template.text)} characters" if isinstance(template, TextTemplate) else template),
        ("Task pack", f"{asked.pack}, batch {asked.batch_size}, {limit}"),
        ("Suites", ", ".join(suite.upper() for suite in asked.suites)),
    ]
    rows += [("Benchmarks", ", ".join(map(grid.benchmark_name, asked.benchmarks)))] if asked.benchmarks else []
    rows += [("Languages", ", ".join(asked.languages))] if asked.languages else []
    return rows + ([("Judge", f"{asked.judge.model} of {asked.judge.endpoint}")] if asked.judge else [])

