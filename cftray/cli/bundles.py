"""`cftray bundle` and `cftray reproduce`: an experiment to take elsewhere, and to run again there."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cftray.cli.experiments import Id, follow
from cftray.cli.session import DONE, FAILED, AsJson, Session, echo_json
from cftray.errors import Fault, SpecRefused

if TYPE_CHECKING:
    from cftray.bundle import Comparison
    from cftray.client_bundles import Reproduction

DIFFERS = 4
MATRIX = "mat_"


def bundle(
    context: typer.Context,
    identifier: Id,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Otherwise NAME.bundle.json here; of a matrix, a folder.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Save what another machine needs to run an experiment again; of a matrix, one file a cell."""
    session: Session = context.obj
    client = session.client()
    if identifier.startswith(MATRIX):
        matrix = client.get_matrix(identifier)
        folder = output or Path(f"{matrix.view['name']}-bundles")
        saved = [(run.id, run.bundle(folder / f"{run.view['name']}.{run.id}.bundle.json")) for run in matrix.runs()]
    else:
        run = client.get(identifier)
        saved = [(run.id, run.bundle(output or Path(f"{run.view['name']}.bundle.json")))]
    if json_:
        told = [{"experiment": one, "bundle": str(path.absolute())} for one, path in saved]
        echo_json(told if identifier.startswith(MATRIX) else told[0])
    else:
        for _, path in saved:
            typer.echo(f"{path}  ({path.stat().st_size // 1024} KB)")


def reproduce(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or a report that carries one.")],
    given: Annotated[
        list[str] | None, typer.Option("--set", help="`NAME=PATH`: where a file of the bundle lies here.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say what differs; nothing is started.")] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Stay until it is over, then compare.")] = False,
    against: Annotated[
        str | None, typer.Option(metavar="ID", help="Compare with an experiment that has run here; start nothing.")
    ] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Although data or models are not the bundle's.")] = False,
    json_: AsJson = False,
) -> None:
    """Run a bundle again and say what differs. Ends with 0: the same or inside the intervals; 4: it differs."""
    from cftray.bundle import read_bundle
    from cftray.bundle.comparing import compare
    from cftray.client_bundles import bundle_of, reproduction

    session: Session = context.obj
    there = read_bundle(source)
    client = session.client()
    if against is not None:
        raise typer.Exit(_compared(session, compare(there, bundle_of(client.get(against))), json_))
    look = reproduction(client, there, _paths(given))
    if check:
        raise typer.Exit(_checked(session, look, json_))
    if not json_:
        _show_check(session, look)
    run = look.submit(anyway=anyway)
    if not wait:
        _submitted(session, run, source, json_)
        return
    if json_:
        run.wait(check=False)
    else:
        follow(session, [run], False)
    if run.state != "succeeded":
        if json_:
            echo_json({"experiment": run.id, "state": run.state, "failure": run.view["failure"]})
        raise typer.Exit(FAILED)
    raise typer.Exit(_compared(session, look.compare(run), json_))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(bundle)
    app.command()(reproduce)


def _submitted(session: Session, run: Any, source: Path, as_json: bool) -> None:
    if as_json:
        echo_json(run.view)
        return
    from cftray.cli.watch import heading

    session.console.print(heading(run), soft_wrap=True)
    typer.echo(f"when it is over: cftray reproduce {source} --against {run.id}")


def _checked(session: Session, look: Reproduction, as_json: bool) -> int:
    if as_json:
        echo_json(
            {
                "experiment": look.bundle.experiment,
                "same": look.same,
                "versions": look.versions,
                "inputs": [asdict(one) for one in look.leaves],
                "stages": [one.model_dump(mode="json") for one in look.stages],
            }
        )
    else:
        _show_check(session, look)
    return DONE if look.same else DIFFERS


def _show_check(session: Session, look: Reproduction) -> None:
    from cftray.cli.bundle_words import check_lines

    for line in check_lines(look):
        session.console.print(line, markup=False, highlight=False, soft_wrap=True)


def _compared(session: Session, found: Comparison, as_json: bool) -> int:
    from cftray.bundle.comparing import Verdict
    from cftray.cli.bundle_words import HEADS, comparison_lines, rows

    if as_json:
        echo_json(found.model_dump(mode="json") | {"reused": found.reused})
    else:
        session.table(HEADS, rows(found))
        for line in comparison_lines(found):
            session.console.print(line, markup=False, highlight=False, soft_wrap=True)
    return DIFFERS if found.outcome is Verdict.DIFFERS else DONE


def _paths(given: list[str] | None) -> dict[str, str]:
    """Raises SpecRefused where one is no `NAME=PATH`."""
    pairs: dict[str, str] = {}
    for one in given or ():
        name, _, path = one.partition("=")
        if not name or not path:
            raise SpecRefused(
                [Fault(path="--set", given=one, expected="NAME=PATH, such as ALPACA_DATA=sets/alpaca.json")]
            )
        pairs[name] = path
    return pairs
