"""What the commands share: the service's address, `--json`, tables, and how refusals are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cftray.errors import CFTRayError, Fault

if TYPE_CHECKING:
    from cftray.client import Client

AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output, for programs.")]

DONE, FAILED, WRONG, AWAY = 0, 1, 2, 3
PIPE_WIDTH = 200


class Session:
    """One run of the command: where the service is, and where output goes."""

    def __init__(self, url: str | None = None) -> None:
        self.url = url
        self.console = terminal()

    def client(self) -> Client:
        """The service of `--url`, CFTRAY_URL or the stack of this folder, in this order."""
        from cftray.client import Client

        return Client(self.url or os.environ.get("CFTRAY_URL") or local_stack())

    def table(self, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
        """A plain table; off a terminal it is as wide as it has to be."""
        grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
        for head in heads:
            grid.add_column(head, overflow="fold")
        for row in rows:
            grid.add_row(*(Text(cell) for cell in row))
        self.console.print(grid)


def terminal() -> Console:
    """Standard output. Off a terminal lines are long rather than broken."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def echo_json(document: Any) -> None:
    """A document on standard output."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False))


def echo_saved(path: Path, document: dict[str, str], *, as_json: bool) -> None:
    """Where a report was saved and how large it is; with `as_json` the document and its absolute path."""
    if as_json:
        echo_json(document | {"report": str(path.absolute())})
    else:
        typer.echo(f"{path}  ({path.stat().st_size // 1024} KB)")


def local_stack() -> str | None:
    """The API of the stack that runs from CFTRAY_HOME, or from `.cftray` here or further up."""
    named = os.environ.get("CFTRAY_HOME")
    homes = [Path(named)] if named else [folder / ".cftray" for folder in (Path.cwd(), *Path.cwd().parents)]
    for home in homes:
        try:
            parts = json.loads((home / "state.json").read_text(encoding="utf-8"))["parts"]
            return str(next(part["url"] for part in parts if part["name"] == "api"))
        except (OSError, ValueError, KeyError, StopIteration):
            continue
    return None


def show_refusal(error: CFTRayError, subject: str | None, *, as_json: bool) -> None:
    """A refusal on standard error, with every fault in a line of its own."""
    faults: tuple[Fault, ...] = tuple(getattr(error, "faults", ()))
    headline = error.message.partition("\n")[0]
    if as_json:
        document = {
            "code": error.code,
            "detail": headline,
            "faults": [{"path": one.path, "given": one.given, "expected": one.expected} for one in faults],
        }
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False), err=True)
        return
    typer.echo(f"{f'{subject}: ' if subject and faults else ''}{headline}", err=True)
    paths, givens = (max((len(text) for text in column), default=0) for column in _columns(faults))
    for one in faults:
        typer.echo(f"  {one.path:<{paths}}   {one.given:<{min(givens, 40)}}   {one.expected}", err=True)


def _columns(faults: Iterable[Fault]) -> tuple[list[str], list[str]]:
    faults = list(faults)
    return [one.path for one in faults], [one.given for one in faults]
