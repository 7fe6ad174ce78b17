"""Commands on experiments: submit, watch, list, get, logs, results, report, cancel, retry, plan."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cftray.cli.session import DONE, FAILED, AsJson, Session, echo_json, echo_saved

if TYPE_CHECKING:
    from cftray.client import Run

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="A spec in YAML or JSON.", show_default=False)]
Id = Annotated[str, typer.Argument(metavar="ID", help="An experiment's id.", show_default=False)]
FOLLOW_EVERY_S = 1.0
EXPERIMENTS = "/v1/experiments"


def submit(
    context: typer.Context,
    spec: Spec,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay and show how it goes on.")] = False,
    json_: AsJson = False,
) -> None:
    """Store an experiment and start it."""
    session: Session = context.obj
    run = session.client().submit(spec)
    if watch:
        raise typer.Exit(follow(session, [run], json_))
    if json_:
        echo_json(run.view)
    else:
        from cftray.cli.watch import heading

        session.console.print(heading(run), soft_wrap=True)


def watch(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Experiments.", show_default=False)],
    json_: AsJson = False,
) -> None:
    """Show how experiments go on until they are over; with --json an event a line."""
    session: Session = context.obj
    client = session.client()
    raise typer.Exit(follow(session, [client.get(one) for one in ids], json_))


def list_(
    context: typer.Context,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state; may be repeated.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Only with this label; may be repeated.")] = None,
    name: Annotated[str | None, typer.Option(help="Only of this name.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    evaluations: Annotated[bool, typer.Option("--evaluations", help="Evaluations of single models instead.")] = False,
    similarity: Annotated[bool, typer.Option("--similarity", help="Comparisons of data sets instead.")] = False,
    json_: AsJson = False,
) -> None:
    """Experiments, the newest first."""
    session: Session = context.obj
    kind = {"evaluations": evaluations, "similarity": similarity}
    runs = list(session.client().list(limit=limit, **kind, state=state, label=label, name=name))
    if json_:
        echo_json([run.view for run in runs])
        return
    session.table(("id", "name", "state", "stages", "now", "created (UTC)"), (_line(run) for run in runs))


def get(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """One experiment: its stages, its failure, its addresses."""
    session: Session = context.obj
    run = session.client().get(identifier)
    if json_:
        echo_json(run.view)
        return
    from cftray.cli.watch import table

    session.console.print(table(run))
    for name in ("report", "ray_dashboard", "mlflow"):
        if run.view["links"][name]:
            session.console.print(f" {name.replace('_', ' '):<14} {run.view['links'][name]}", soft_wrap=True)


def logs(
    context: typer.Context,
    identifier: Id,
    attempt: Annotated[int | None, typer.Option(min=1, help="Of this attempt; otherwise the newest.")] = None,
    tail: Annotated[int | None, typer.Option(min=0, help="So many lines from the end.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
    json_: AsJson = False,
) -> None:
    """The log of an experiment's job."""
    session: Session = context.obj
    run = session.client().get(identifier)
    text = run.logs(attempt=attempt, tail=tail)
    if json_:
        echo_json({"experiment": run.id, "text": text})
        return
    typer.echo(text, nl=bool(text) and not text.endswith("\n"))
    while follow and not run.refresh().terminal:
        time.sleep(FOLLOW_EVERY_S)
        whole = run.logs(attempt=attempt)
        # A tail of the first read: what follows is told by where that text ends in the whole.
        seen = whole.rfind(text[-200:]) + len(text[-200:]) if text else 0
        typer.echo(whole[seen:], nl=False)
        text = whole


def results(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Experiments.", show_default=False)],
    json_: AsJson = False,
) -> None:
    """Scores of P1 and P2, and what changed between them, with intervals."""
    session: Session = context.obj
    client = session.client()
    runs = [client.get(one) for one in ids]
    if json_:
        documents = [{"experiment": run.id, "name": run.view["name"]} | _told(run) for run in runs]
        echo_json(documents if len(documents) > 1 else documents[0])
        return
    show_results(session, runs)


def report(
    context: typer.Context,
    identifier: Id,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Otherwise NAME.html here.")] = None,
    json_: AsJson = False,
) -> None:
    """Save the report, one HTML page that holds everything it shows."""
    session: Session = context.obj
    run = session.client().get(identifier)
    path = run.report(output or Path(f"{run.view['name']}.html"))
    echo_saved(path, {"experiment": run.id}, as_json=json_)


def cancel(context: typer.Context, identifier: Id, json_: AsJson = False) -> None:
    """Ask an experiment to stop."""
    session: Session = context.obj
    run = session.client().get(identifier).cancel()
    if json_:
        echo_json(run.view)
    else:
        typer.echo(f"{run.id} {run.state}")


def retry(
    context: typer.Context,
    identifier: Id,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay and show how it goes on.")] = False,
    json_: AsJson = False,
) -> None:
    """Try again what has failed or was cancelled; what is recorded is not run again."""
    session: Session = context.obj
    run = session.client().get(identifier).retry()
    if watch:
        raise typer.Exit(follow(session, [run], json_))
    if json_:
        echo_json(run.view)
    else:
        typer.echo(f"{run.id} {run.state}")


def plan(context: typer.Context, spec: Spec, json_: AsJson = False) -> None:
    """What an experiment would need, what is recorded, and why not; nothing is stored or started."""
    session: Session = context.obj
    found = session.client().plan(spec)
    if json_:
        echo_json(found)
        return
    names = {"cached": "recorded", "skipped": "left out"}
    rows = ((one["title"], names.get(one["state"], one["state"]), one["why"] or "") for one in found["stages"])
    session.table(("stage", "state", "why"), rows)
    if not found["complete"]:
        typer.echo("large inputs are still being hashed: stages without an answer yet are shown as new")


def show_results(session: Session, runs: Sequence[Run]) -> None:
    """The tables of all runs that have scores: of experiments together, of others one by one."""
    from cftray.cli.evaluations import show_scores
    from cftray.cli.similarity import show_similarity
    from cftray.client_similarity import Similarity

    experiments = [run for run in runs if run.collection == EXPERIMENTS]
    if experiments:
        _show_experiments(session, experiments)
    for run in runs:
        if isinstance(run, Similarity):
            show_similarity(session, run)
        elif run not in experiments:
            show_scores(session, run)


def _told(run: Run) -> dict[str, Any]:
    from cftray.client_similarity import Similarity

    return {"result": run.result} if isinstance(run, Similarity) else run.results().document


def _show_experiments(session: Session, runs: Sequence[Run]) -> None:
    from cftray.cli.wording import gate_closed
    from cftray.report.analysis_text import analysis_lines
    from cftray.report.results import Results
    from cftray.report.tables import terminal_table

    titled = [(run.view["name"], Results.model_validate(run.results().document)) for run in runs]
    scored = [one for one in titled if one[1].rows]
    if scored:
        session.console.print(terminal_table(scored, session.console.width))
    for name, found in titled:
        lines = list(analysis_lines(found.analyses))
        if lines:
            session.console.print(f"analyses of {name}" if len(titled) > 1 else "analyses", style="bold", markup=False)
        for title, words in lines:
            session.console.print(f" {title}: {words}", markup=False, highlight=False, soft_wrap=True)
    for run, (name, found) in zip(runs, titled, strict=True):
        if not found.complete and gate_closed(run.view) is None:  # which stands under the table
            lacking = f"not recorded: {', '.join(found.missing)}" if found.missing else "not every model is evaluated"
            typer.echo(f"{run.id} {name}: {run.state}, {lacking}", err=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (submit, watch, get, logs, results, report, cancel, retry, plan):
        app.command()(command)
    app.command("list")(list_)


def follow(session: Session, runs: Sequence[Run], as_json: bool) -> int:
    """Show how they go on until they are over. The exit code: 0 where all succeeded, 1 otherwise."""
    try:
        if as_json:
            for run in runs:
                for event in run.follow():
                    typer.echo(json.dumps({"experiment": run.id} | event, ensure_ascii=False))
                run.refresh()
        else:
            from cftray.cli.watch import watch as show

            show(runs, console=session.console)
    except KeyboardInterrupt:
        typer.echo(f"left running; `cftray watch {' '.join(run.id for run in runs)}` shows more", err=True)
        raise
    if not as_json and not session.console.is_terminal:
        _show_ends(session, runs)
    return DONE if all(run.state == "succeeded" for run in runs) else FAILED


def _show_ends(session: Session, runs: Sequence[Run]) -> None:
    from cftray.cli.watch import failure_lines, heading

    for run in runs:
        for line in (heading(run), *failure_lines(run.view)):
            session.console.print(line, soft_wrap=True)


def _line(run: Run) -> tuple[str, ...]:
    view: dict[str, Any] = run.view
    found = view["progress"]
    left_out = f", {found['stages_left_out']} left out" if found.get("stages_left_out") else ""
    stages = f"{found['stages_done']} of {found['stages_total']}{left_out}"
    now = (found["title"] or view["waiting_for"] or "") if not run.terminal else ""
    if view["failure"]:
        now = view["failure"]["message"].partition("\n")[0][:60]
    created = view["created_at"][:16].replace("T", " ")
    return run.id, view["name"], run.state, stages, now, created
