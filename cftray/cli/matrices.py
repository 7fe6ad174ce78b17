"""Commands on matrices: `cftray matrix submit, add, list, get, watch, table, report, cancel`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cftray.cli.session import DONE, FAILED, AsJson, Session, echo_json, echo_saved
from cftray.errors import Fault, SpecRefused

if TYPE_CHECKING:
    from cftray.client import Matrix

Document = Annotated[Path, typer.Argument(metavar="MATRIX", help="A matrix in YAML or JSON.", show_default=False)]
More = Annotated[Path, typer.Argument(metavar="MORE", help="axes, cells in YAML or JSON.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="A matrix's id.", show_default=False)]


class Format(StrEnum):
    """How a table is written."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"
    HTML = "html"
    JSON = "json"


class Layout(StrEnum):
    """Whose table's layout; the enumeration of `cftray.report.layouts`, which takes long to import."""

    TABLE_1 = "1"
    C1 = "C1"
    C2 = "C2"
    C3 = "C3"
    C4 = "C4"
    C5 = "C5"
    D1 = "D1"


def submit(
    context: typer.Context,
    document: Document,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, show how it goes on, then the table.")] = False,
    json_: AsJson = False,
) -> None:
    """Store a matrix and start its cells; refused as a whole where a cell can't run."""
    session: Session = context.obj
    matrix = session.client().matrix(document)
    if watch:
        _watch(session, matrix)
    elif json_:
        echo_json(matrix.view)
    else:
        show(session, matrix)


def add(
    context: typer.Context,
    identifier: Id,
    document: More,
    json_: AsJson = False,
) -> None:
    """Give a matrix more values of its axes and more cells, while it runs or later."""
    session: Session = context.obj
    matrix = session.client().get_matrix(identifier)
    before = len(matrix.cells)
    matrix.add(document)
    if json_:
        echo_json(matrix.view)
        return
    typer.echo(f"{len(matrix.cells) - before} new cells")
    show(session, matrix)


def watch(context: typer.Context, identifier: Id) -> None:
    """Show how the cells go on until all are over, then the table."""
    session: Session = context.obj
    _watch(session, session.client().get_matrix(identifier))


def list_(context: typer.Context, json_: AsJson = False) -> None:
    """The newest matrices."""
    session: Session = context.obj
    found = session.client().ask("GET", "/v1/matrices")["data"]
    if json_:
        echo_json(found)
        return
    session.table(
        ("id", "name", "cells", "created (UTC)"),
        ((one["id"], one["name"], _counts(one["counts"]), one["created_at"][:16].replace("T", " ")) for one in found),
    )


def get(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """One matrix: its cells and how each stands."""
    session: Session = context.obj
    matrix = session.client().get_matrix(identifier)
    if json_:
        echo_json(matrix.view)
    else:
        show(session, matrix)


def table(
    context: typer.Context,
    identifier: Id,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How it is written.")] = Format.TERMINAL,
    layout: Annotated[
        Layout | None, typer.Option("--layout", "-l", help="A table of the paper: latex, html.", show_default="D1")
    ] = None,
) -> None:
    """P1 and every phase 2 side by side, each mitigation set against plain phase 2."""
    session: Session = context.obj
    if layout is not None and format_ not in (Format.LATEX, Format.HTML):
        raise SpecRefused([Fault(path="--layout", given=f"{layout} as {format_}", expected="--format latex or html")])
    matrix = session.client().get_matrix(identifier)
    match format_:
        case Format.TERMINAL:
            show_table(session, matrix)
        case Format.JSON:
            echo_json(matrix.table())
        case _:
            typer.echo(matrix.table_text(format_, layout), nl=False)


def report(
    context: typer.Context,
    identifier: Id,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Otherwise NAME.html here.")] = None,
    json_: AsJson = False,
) -> None:
    """Save the report, one HTML page that holds everything it shows; of an unfinished matrix, what there is."""
    session: Session = context.obj
    matrix = session.client().get_matrix(identifier)
    path = matrix.report(output or Path(f"{matrix.view['name']}.html"))
    echo_saved(path, {"matrix": matrix.id}, as_json=json_)
    if not matrix.terminal:
        typer.echo(f"{matrix.id}: not every cell is over ({_counts(matrix.view['counts'])})", err=True)


def cancel(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """Ask every cell that is not over to stop."""
    session: Session = context.obj
    matrix = session.client().get_matrix(identifier).cancel()
    if json_:
        echo_json(matrix.view)
    else:
        typer.echo(f"{matrix.id} {_counts(matrix.view['counts'])}")


def show_table(session: Session, matrix: Matrix) -> None:
    """The table as far as there are scores."""
    from cftray.report.matrix import MatrixTable
    from cftray.report.matrix_text import terminal_matrix

    found = MatrixTable.model_validate(matrix.table())
    session.console.print(terminal_matrix(found, session.console.width))
    if not found.complete:
        typer.echo(f"{matrix.id}: not every cell is evaluated ({_counts(matrix.view['counts'])})", err=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Matrices: one experiment varied along axes, in one table.", no_args_is_help=True)
    for command in (submit, add, watch, get, table, report, cancel):
        group.command()(command)
    group.command("list")(list_)
    app.add_typer(group, name="matrix")


def _watch(session: Session, matrix: Matrix) -> None:
    """Ends the command: 0 where every cell succeeded, 1 otherwise."""
    from cftray.cli.watch import watch as follow

    try:
        follow(matrix.runs(), console=session.console)
    except KeyboardInterrupt:
        typer.echo(f"left running; `cftray matrix watch {matrix.id}` shows more", err=True)
        raise
    show_table(session, matrix.refresh())
    raise typer.Exit(DONE if set(matrix.view["counts"]) == {"succeeded"} else FAILED)


def show(session: Session, matrix: Matrix) -> None:
    """The cells and how each stands."""
    view = matrix.view
    typer.echo(
        f"{matrix.id}  {view['name']}  {_counts(view['counts'])}; {view['distinct_stages']} stages to run or find "
        f"for {view['stages']} of the cells"
    )
    rows = []
    for cell in matrix.cells:
        now = "" if cell["terminal"] else cell["progress"]["title"] or ""
        if cell["failure"]:
            now = cell["failure"]["message"].partition("\n")[0][:80]
        rows.append((cell["row"], cell["experiment"], cell["name"], cell["state"], now))
    session.table(("cell", "experiment", "name", "state", "now"), rows)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())
