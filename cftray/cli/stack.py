"""Commands on the embedded stack of this folder: up, down, status; they become `python -m cluster …`."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from cftray.cli.session import AsJson


def up(
    foreground: Annotated[bool, typer.Option(help="Stay, and stop everything at Ctrl-C.")] = False,
    json_: AsJson = False,
) -> None:
    """Start Ray, MLflow and the API on this machine."""
    _become("up", *(["--foreground"] if foreground else []), *_json(json_))


def down(json_: AsJson = False) -> None:
    """Stop what `up` started, and nothing else."""
    _become("down", *_json(json_))


def status(json_: AsJson = False) -> None:
    """What runs, and where."""
    _become("status", *_json(json_))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (up, down, status):
        app.command()(command)


def _json(wanted: bool) -> list[str]:
    return ["--json"] if wanted else []


def _become(*arguments: str) -> NoReturn:
    """The bring-up in place of this process, so that signals reach it and nothing stands between."""
    os.execv(sys.executable, [sys.executable, "-m", "cluster", *arguments])
