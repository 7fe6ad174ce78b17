"""`cftray paper`: the paper's tables, printed, submitted as matrices, and set beside what came out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from cftray.cli.session import AsJson, Session, echo_json
from cftray.errors import CFTRayError, Fault, SpecRefused

if TYPE_CHECKING:
    from cftray.client import Client
    from cftray.report.paper import Comparison, RunRow
    from cftray.spec import ExperimentSpec

EXPERIMENT = "exp_"
ALL = "all"


class Model(StrEnum):
    """Which rows of a table; the models of `cftray.recipes.paper`, which take long to import."""

    MISTRAL = "mistral-7b"
    LLAMA = "llama-3-8b"
    ALL = ALL


class Scale(StrEnum):
    """At which size a table is run."""

    FULL = "full"
    MINI = "mini"


class Format(StrEnum):
    """How a printed table is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    HTML = "html"


def paper(
    context: typer.Context,
    table: Annotated[str | None, typer.Argument(help="1, C1, C2, C3, C4, C5 or D1.", show_default=False)] = None,
    model: Annotated[
        Model | None, typer.Option("--model", "-m", help="Submit these rows at full scale.", show_default=False)
    ] = None,
    scale: Annotated[
        Scale | None, typer.Option(help="Submit at this scale: mini needs no GPU.", show_default=False)
    ] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="ID", help="A matrix or experiment to set beside it.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An open choice.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the matrix, submit nothing.")] = False,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How a table is shown.")] = Format.TERMINAL,
    json_: AsJson = False,
) -> None:
    """The paper's tables: list them, show one as printed with its flags, submit one, or set a run beside it.

    With --model or --scale the table is submitted as a matrix; otherwise it is shown, with --compare beside a run.
    """
    session: Session = context.obj
    if table is None:
        _list(session, as_json=json_)
    elif compare is None and (model is not None or scale is not None):
        _submit(session, _document(table, model, scale or Scale.FULL, settings or []), dry_run=dry_run, as_json=json_)
    else:
        _refuse_settings(settings, dry_run=dry_run)
        _show(session, _comparison(session, table, model, compare), format_, as_json=json_)


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(paper)


def _list(session: Session, *, as_json: bool) -> None:
    from cftray.data.published import printed_tables
    from cftray.recipes.open_choices import open_choices

    tables, choices = printed_tables(), open_choices()
    if as_json:
        told = [{"name": one.name, "title": one.title, "cells": len(one.rows())} for one in tables.values()]
        open_ = [{"name": one.name, "about": one.about, "value": one.value} for one in choices]
        echo_json({"tables": told, "open_choices": open_})
        return
    rows = ((one.name, one.title, str(len(one.rows()))) for one in tables.values())
    session.table(("table", "what it shows", "cells"), rows)
    session.console.print(Text("\nWhat the paper leaves open, each set with --set NAME=VALUE:"))
    session.table(("name", "taken here", "what is open"), ((one.name, _short(one.value), one.about) for one in choices))


def _short(value: Any) -> str:
    """A value of a document in a few words: of a model its id, of a translator its model's."""
    if isinstance(value, Mapping):
        return _short(value["model"]) if "model" in value else ", ".join(f"{name} {one}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "null" if value is None else str(value)


def _document(table: str, model: Model | None, scale: Scale, settings: list[str]) -> dict[str, Any]:
    """The matrix that is submitted. Raises SpecRefused for a setting that is none."""
    from cftray.recipes.paper_tables import choices_of, mini_table, paper_table

    given = _given(settings)
    if scale is Scale.MINI:
        others = [name for name in given if name != "seeds"]
        if others:
            expected = "seeds: the miniature leaves nothing else open"
            raise SpecRefused([Fault(path="--set", given=name, expected=expected) for name in others])
        return mini_table(table, choices_of(given).seeds)
    return paper_table(table, None if model in (None, Model.ALL) else str(model), choices_of(given))


def _given(settings: list[str]) -> dict[str, Any]:
    import yaml

    given: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip():
            expected = "NAME=VALUE, such as max_length=4096 or seeds=[17,18]"
            raise SpecRefused([Fault(path="--set", given=setting[:80], expected=expected)])
        try:
            given[name.strip()] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SpecRefused([Fault(path=name, given=text[:80], expected="a value in YAML")]) from error
    return given


def _refuse_settings(settings: list[str] | None, *, dry_run: bool) -> None:
    if settings or dry_run:
        given = "--set" if settings else "--dry-run"
        expected = "--model or --scale: they say what is submitted; without them a table is shown as printed"
        raise SpecRefused([Fault(path=given, given="nothing to submit", expected=expected)])


def _submit(session: Session, document: dict[str, Any], *, dry_run: bool, as_json: bool) -> None:
    from cftray.cli.matrices import show
    from cftray.recipes import cells_of, matrix_from_document

    cells = cells_of(matrix_from_document(document))
    if not dry_run:
        matrix = session.client().matrix(document)
        return echo_json(matrix.view) if as_json else show(session, matrix)
    if as_json:
        return echo_json(document)
    import yaml

    typer.echo(yaml.safe_dump(document, sort_keys=False), nl=False)
    typer.echo(f"{len(cells)} cells, seeds {document['axes']['seed']}; nothing was submitted", err=True)
    return None


def _comparison(session: Session, table: str, model: Model | None, identifier: str | None) -> Comparison:
    from cftray.recipes.paper_tables import table_keys
    from cftray.report.paper import compare

    table_keys(table)
    rows = _rows(session.client(), identifier) if identifier is not None else ()
    return compare(table, rows, model=None if model in (None, Model.ALL) else str(model))


def _rows(client: Client, identifier: str) -> tuple[RunRow, ...]:
    """What came out, and which rows of the paper they are by the experiments' specs."""
    from cftray.recipes import paper_key
    from cftray.report.matrix import MatrixTable
    from cftray.report.paper import RunRow, run_rows
    from cftray.report.results import Results

    if identifier.startswith(EXPERIMENT):
        run = client.get(identifier)
        results = Results.model_validate(run.results().document)
        return (RunRow(label=str(run.view["name"]), key=paper_key(_spec(run.view)), results=results),)
    matrix = client.get_matrix(identifier)
    first = {cell["row"]: cell["experiment"] for cell in reversed(matrix.cells)}
    keys = {row: paper_key(_spec(client.get(experiment).view)) for row, experiment in first.items()}
    return run_rows(MatrixTable.model_validate(matrix.table()), keys)


def _spec(view: Mapping[str, Any]) -> ExperimentSpec:
    from cftray.spec import experiment_from_document

    if "spec" not in view:
        raise CFTRayError(f"{view.get('id')}: the service does not tell its spec, so its row can't be known")
    return experiment_from_document(dict(view["spec"]))


def _show(session: Session, found: Comparison, format_: Format, *, as_json: bool) -> None:
    from cftray.report.paper_text import html_comparison, json_comparison, markdown_comparison, terminal_comparison

    if as_json:
        echo_json(json_comparison(found))
        return
    match format_:
        case Format.TERMINAL:
            session.console.print(terminal_comparison(found))
        case Format.MARKDOWN:
            typer.echo(markdown_comparison(found), nl=False)
        case Format.HTML:
            typer.echo(html_comparison(found), nl=False)
