"""`python -m cluster.demo`: a matrix of miniature experiments from POST to report, on a stack of its own.

Three cells: a similar pair of phases, a dissimilar one, and that with 10 % generative replay; with `--all`
every strategy of the paper's Table D1; with `--seeds` each of them once a seed.

Uses the stack of this folder where one is up, and leaves it running then. What is recorded from an
earlier run is not run again, and a matrix that an interrupted run left open goes on. Exit codes: 0 all
succeeded, 1 one failed or the stack did not come up.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape

from cftray.cli.session import terminal
from cftray.cli.watch import failure_lines, watch
from cftray.cli.wording import duration
from cftray.client import Client, Matrix
from cftray.errors import CFTRayError
from cftray.recipes import cells_of, demo_matrix, matrix_from_document
from cftray.store.atomic import write_atomic
from cluster import stack
from cluster.display import Display
from cluster.errors import AlreadyUp
from cluster.processes import tail
from cluster.settings import ClusterSettings, load
from cluster.signals import Interrupted, interruptible
from cluster.state import State


def main() -> int:
    """The whole demonstration; gives the exit code."""
    arguments = argparse.ArgumentParser(prog="python -m cluster.demo", description="Miniature experiments, for real.")
    arguments.add_argument("--all", action="store_true", help="every strategy of the paper's Table D1, eight cells")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[17], metavar="SEED", help="a replica each")
    given = arguments.parse_args()
    asked = demo_matrix(whole=given.all, seeds=tuple(given.seeds), name=_name(given.seeds, whole=given.all))
    console = terminal()
    started = time.monotonic()
    try:
        with interruptible():
            settings = load()
            with _stack(settings, console) as found:
                matrix = _cells(console, found, asked)
                good = _outcome(console, settings, found, matrix)
            console.print(f"demo {'done' if good else 'failed'} in {duration(time.monotonic() - started)}")
            return 0 if good else 1
    except Interrupted as signal:
        console.print(f"ended by {signal}")
        return signal.exit_code
    except CFTRayError as error:
        Console(stderr=True).print(f"[red]{escape(error.message)}[/red]", highlight=False, soft_wrap=True)
        return 1


@contextmanager
def _stack(settings: ClusterSettings, console: Console) -> Iterator[State]:
    """A stack with all parts; one that was started here is stopped again, whatever happens."""
    running = stack.current(settings)
    if running is not None:
        if {part.name for part in running.parts} != set(stack.PARTS):
            raise AlreadyUp(f"only a part of the stack in {settings.home} is up; `make down` first")
        console.print(f"using the stack that is up in {settings.home}", highlight=False, soft_wrap=True)
        yield running
        return
    console.print("starting Ray, MLflow and the API on this machine")
    display = Display(console)
    with display.live():
        fresh = stack.up(settings, display)
    try:
        yield fresh
    finally:
        console.print("stopping what was started; `make up` brings it back with everything recorded")
        stack.down(settings)


def _name(seeds: Sequence[int], *, whole: bool) -> str:
    """`demo`, `demo-all`, `demo-all-seeds`: the matrix's name, and its tables'."""
    return "demo" + ("-all" if whole else "") + ("-seeds" if len(seeds) > 1 else "")


def _cells(console: Console, found: State, asked: dict[str, Any]) -> Matrix:
    """The matrix, every cell over."""
    client = Client(found.url("api"))
    try:
        matrix = _left_open(client, asked)
        if matrix is None:
            matrix = client.matrix(asked)
        else:
            console.print(f"going on with {matrix.id}", highlight=False)
        watch(matrix.runs(), console=console)
        return matrix.refresh()
    except CFTRayError:
        for part in found.parts:
            if part.process.find() is None:
                console.print(f"{part.name} has ended; the end of {part.log}:", highlight=False, soft_wrap=True)
                console.print(escape("\n".join(tail(part.log))), highlight=False, soft_wrap=True)
        raise


def _left_open(client: Client, asked: dict[str, Any]) -> Matrix | None:
    """A matrix of the same name and cells that is not over."""
    wanted = sorted((cell.row, cell.spec.seeds) for cell in cells_of(matrix_from_document(asked)))
    for one in client.ask("GET", "/v1/matrices?limit=200")["data"]:
        if one["name"] == asked["name"] and not one["terminal"]:
            matrix = client.get_matrix(one["id"])
            if sorted((cell["row"], (cell["coordinates"]["seed"],)) for cell in matrix.cells) == wanted:
                return matrix
    return None


def _outcome(console: Console, settings: ClusterSettings, found: State, matrix: Matrix) -> bool:
    """The table, the reports, the addresses; whether all is well."""
    from cftray.report.matrix import MatrixTable
    from cftray.report.matrix_text import terminal_matrix

    runs = matrix.runs()
    good = [run for run in runs if run.state == "succeeded"]
    for run in runs:
        if run not in good:
            console.print(f"{run.id} {run.view['name']}: {run.state}", highlight=False)
            for line in failure_lines(run.view):
                console.print(line, soft_wrap=True)
    if good:
        console.print(terminal_matrix(MatrixTable.model_validate(matrix.table()), console.width))
        for form, ending in (("markdown", "md"), ("csv", "csv")):
            table = settings.home / "reports" / f"{matrix.view['name']}.{ending}"
            write_atomic(table, matrix.table_text(form))
            console.print(f" table    {table}", highlight=False, soft_wrap=True)
    for run in good:
        path = run.report(settings.home / "reports" / f"{run.view['name']}.html")
        console.print(f" report   {path}", highlight=False, soft_wrap=True)
    for name in ("mlflow", "ray"):
        console.print(f" {name:<8} {found.url(name)}", highlight=False, soft_wrap=True)
    return len(good) == len(runs)


if __name__ == "__main__":
    sys.exit(main())
