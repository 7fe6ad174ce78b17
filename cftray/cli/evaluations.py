"""`cftray evaluate`: scores of a model that is there already, without training."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cftray.cli.experiments import follow, show_results
from cftray.cli.session import AsJson, Session, echo_json
from cftray.errors import Fault, SpecRefused

if TYPE_CHECKING:
    from cftray.client import Run

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A folder, a hub id, or an evaluation's spec (YAML).", show_default=False),
]
Listed = list[str] | None


class Pack(StrEnum):
    """Task packs."""

    MINI = "mini"
    PAPER = "paper"


class Precision(StrEnum):
    """Of the weights."""

    FP32 = "fp32"
    BF16 = "bf16"


def evaluate(
    context: typer.Context,
    model: Model,
    suite: Annotated[Listed, typer.Option(help="ta, la or both (`ta,la`, the default).")] = None,
    pack: Annotated[Pack | None, typer.Option(help="The tasks; mini unless said.")] = None,
    languages: Annotated[Listed, typer.Option(help="Of language ability: `de,es`; all unless said.")] = None,
    benchmarks: Annotated[Listed, typer.Option(help="`mmlu,xquad`; all of the suites unless said.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items a task.")] = None,
    data: Annotated[Listed, typer.Option(help="`xquad=PATH`: a benchmark's own files; may be repeated.")] = None,
    judge: Annotated[str | None, typer.Option(help="`ENDPOINT:MODEL` that judges AlpacaEval.")] = None,
    template: Annotated[str | None, typer.Option(help="chat (the model's own) or alpaca.")] = None,
    precision: Annotated[Precision | None, typer.Option(help="fp32 unless said.")] = None,
    name: Annotated[str | None, typer.Option(help="Otherwise the model's.")] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, show how it goes on, then the scores.")] = False,
    json_: AsJson = False,
) -> None:
    """Score a model without training it; what was scored before is not scored again."""
    session: Session = context.obj
    evaluation = session.client().evaluate(
        model,
        name=name,
        suites=_parts(suite),
        pack=pack,
        languages=_parts(languages),
        benchmarks=_parts(benchmarks),
        limit=limit,
        data=_files(data),
        judge=judge,
        template=template,
        precision=precision,
    )
    if watch:
        code = follow(session, [evaluation], json_)
        if not json_:
            show_results(session, [evaluation])
        raise typer.Exit(code)
    if json_:
        echo_json(evaluation.view)
        return
    from cftray.cli.watch import heading

    session.console.print(heading(evaluation), soft_wrap=True)


def show_scores(session: Session, run: Run) -> None:
    """A line a score: in hundredths, with its standard error and the number of items."""
    from cftray.report.model_page import score_name
    from cftray.report.results import Results

    found = Results.model_validate(run.results().document)
    lines = [
        (
            score_name(row.key, row.level, row.benchmark, row.language),
            row.key,
            f"{100 * row.p1.score:.1f}",
            "" if row.p1.stderr is None else f"{100 * row.p1.stderr:.1f}",
            f"{row.p1.n:,}",
            row.metric or "",
        )
        for row in found.rows
        if row.p1 is not None
    ]
    if lines:
        session.table((str(run.view["name"]), "score", "× 100", "stderr", "items", "metric"), lines)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(evaluate)


def _parts(given: Listed) -> Sequence[str] | None:
    """`--suite ta,la` and `--suite ta --suite la` are the same."""
    found = [part.strip() for one in given or () for part in one.split(",") if part.strip()]
    return found or None


def _files(given: Listed) -> dict[str, str] | None:
    """Raises SpecRefused where one is no `benchmark=path`."""
    pairs: dict[str, Any] = {}
    for one in given or ():
        benchmark, _, path = one.partition("=")
        if not benchmark or not path:
            raise SpecRefused([Fault(path="data", given=one, expected="BENCHMARK=PATH, such as xquad=/data/xquad")])
        pairs[benchmark] = path
    return pairs or None
