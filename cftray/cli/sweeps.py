"""Commands on sweeps: `cftray sweep submit, watch, get, list, results, report, cancel`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cftray.cli.experiments import follow
from cftray.cli.session import AsJson, Session, echo_json, echo_saved

if TYPE_CHECKING:
    from cftray.client_sweeps import Sweep
    from cftray.report.trials import SweepResults, TrialTold

Document = Annotated[Path, typer.Argument(metavar="SWEEP", help="A sweep in YAML or JSON.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="A sweep's id.", show_default=False)]
SHOWN = 60
"""Characters of a trial's failure."""


def submit(
    context: typer.Context,
    document: Document,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, show how it goes on, then the trials.")] = False,
    json_: AsJson = False,
) -> None:
    """Store a sweep and start its trials; refused as a whole where one can't run."""
    session: Session = context.obj
    sweep = session.client().sweep(document)
    if watch:
        _watch(session, sweep)
    elif json_:
        echo_json(sweep.view)
    else:
        _show(session, sweep)


def watch(context: typer.Context, identifier: Id) -> None:
    """Show how a sweep goes on until it is over, then its trials."""
    session: Session = context.obj
    _watch(session, session.client().get_sweep(identifier))


def get(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """One sweep: its trials and how each stands."""
    session: Session = context.obj
    sweep = session.client().get_sweep(identifier)
    if json_:
        echo_json(sweep.view)
    else:
        _show(session, sweep)


def results(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """The trials with intervals, the best of them, and those that no other beats."""
    session: Session = context.obj
    sweep = session.client().get_sweep(identifier)
    found = sweep.trial_results()
    if json_:
        echo_json(found)
    else:
        _show_results(session, found)


def report(
    context: typer.Context,
    identifier: Id,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Otherwise NAME.html here.")] = None,
    json_: AsJson = False,
) -> None:
    """Save the report, one HTML page that holds everything it shows."""
    session: Session = context.obj
    sweep = session.client().get_sweep(identifier)
    echo_saved(sweep.report(output or Path(f"{sweep.view['name']}.html")), {"sweep": sweep.id}, as_json=json_)


def cancel(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """Ask a sweep and its trials to stop."""
    session: Session = context.obj
    sweep = session.client().get_sweep(identifier)
    sweep.cancel()
    if json_:
        echo_json(sweep.view)
    else:
        typer.echo(f"{sweep.id} {sweep.state}")


def list_(context: typer.Context, json_: AsJson = False) -> None:
    """The newest sweeps."""
    session: Session = context.obj
    found = session.client().ask("GET", "/v1/sweeps")["data"]
    if json_:
        echo_json(found)
        return
    rows = ((one["id"], one["name"], one["state"], one["created_at"][:16].replace("T", " ")) for one in found)
    session.table(("id", "name", "state", "created (UTC)"), rows)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Sweeps: settings of phase 2 tried under an objective.", no_args_is_help=True)
    for command in (submit, watch, get, results, report, cancel):
        group.command()(command)
    group.command("list")(list_)
    app.add_typer(group, name="sweep")


def _watch(session: Session, sweep: Sweep) -> None:
    """Ends the command with the sweep's exit code."""
    code = follow(session, [sweep], as_json=False)
    _show_results(session, sweep.trial_results())
    raise typer.Exit(code)


def _show(session: Session, sweep: Sweep) -> None:
    from cftray.report.trials import SweepResults

    view = sweep.view
    typer.echo(f"{sweep.id}  {view['name']}  {view['state']}; {len(view['plan']['stages'])} stages")
    told = {"trials": sweep.trials, "best": view["best"], "front": [], "complete": sweep.terminal}
    found = SweepResults.model_validate({**told, "maximise": view["spec"]["objective"]["maximise"]})
    _table(session, found)


def _show_results(session: Session, document: object) -> None:
    from cftray.report.trials import SweepResults

    found = SweepResults.model_validate(document)
    _table(session, found)
    if found.best is not None:
        typer.echo(f"best: trial {found.best}")
    elif found.complete:
        typer.echo("no trial that was trained whole keeps to the constraints")
    if found.front:
        typer.echo(f"beaten by none in TA and LA together: {', '.join(map(str, found.front))}")


def _table(session: Session, found: SweepResults) -> None:
    settings = sorted({name for trial in found.trials for name in trial.values})
    named = [name.rpartition(".")[2] for name in settings]
    heads = ("trial", *named, "state", found.maximise, "constraints", "TA", "LA")
    session.table(heads, (list(_row(trial, settings, found)) for trial in found.trials))


def _row(trial: TrialTold, settings: list[str], found: SweepResults) -> Iterator[str]:
    from cftray.report import grid
    from cftray.report.sweep_page import value_text

    last = trial.last
    yield f"{trial.number} ★" if trial.number == found.best else str(trial.number)
    for name in settings:
        yield value_text(trial.values[name])
    at = f" at {100 * last.share:.3g} %" if last is not None and trial.state in ("stopped", "running", "left") else ""
    yield f"{trial.state}{at}" + (f": {trial.failure[:SHOWN]}" if trial.failure else "")
    yield grid.ABSENT if last is None else grid.points(last.value)
    yield "" if last is None else "kept" if last.feasible else f"missed by {grid.points(last.violation)}"
    for suite in ("ta", "la"):
        change = trial.changes.get(suite)
        plain = None if last is None else last.change(suite)
        if change is not None:
            yield f"{grid.change_text(change)} {grid.interval_text(change)}"
        else:
            yield grid.ABSENT if plain is None else grid.signed(plain)
