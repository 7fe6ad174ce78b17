"""The `cftray` application: its commands put together, and errors turned into exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cftray import __version__
from cftray.cli import (
    bundles,
    evaluations,
    experiments,
    items,
    matrices,
    paper,
    previews,
    reference,
    similarity,
    stack,
    sweeps,
)
from cftray.cli.session import AWAY, FAILED, WRONG, Session, show_refusal
from cftray.errors import CFTRayError

app = typer.Typer(
    help="Continual fine-tuning experiments: submit, watch, compare.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    experiments, evaluations, similarity, previews, matrices, sweeps, paper, items, bundles, reference, stack,
):  # fmt: skip
    module.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="The service; otherwise CFTRAY_URL, or the stack that runs here.")
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
) -> None:
    """Options of every command."""
    context.obj = Session(url)


def run() -> None:
    """Run the command line; ends the process with its exit code."""
    try:
        app()
    except CFTRayError as error:
        show_refusal(error, _subject(sys.argv[1:]), as_json="--json" in sys.argv)
        sys.exit({"unreachable": AWAY, "experiment-failed": FAILED}.get(error.code, WRONG))
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


def _subject(arguments: list[str]) -> str | None:
    """The spec file that the command was given, to begin a refusal with."""
    return next((one for one in arguments if one.endswith((".yaml", ".yml", ".json"))), None)
