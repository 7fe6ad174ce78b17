"""`python -m cluster up|down|status`: the embedded stack of this folder.

Exit codes: 0 done, 1 a part failed, 2 it can't be done as asked (ports, a stack already up).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from cluster import stack, state
from cluster.display import TITLES, Display, show_addresses
from cluster.errors import AlreadyUp, Busy, ClusterError, PortInUse
from cluster.settings import ClusterSettings, load
from cluster.signals import Interrupted, interruptible

LOOK_EVERY_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit code."""
    options = _parse(arguments)
    errors = Console(stderr=True)
    console = errors if options.json else Console()
    try:
        with interruptible():
            settings = load()
            match options.command:
                case "up":
                    code = _up(settings, console, options.only, foreground=options.foreground)
                case "down":
                    code = _down(settings, console)
                case _:
                    code = _status(settings, console)
            if options.json:
                sys.stdout.write(json.dumps(_described(settings), indent=2) + "\n")
            return code
    except Interrupted as signal:
        errors.print(f"ended by {signal}")
        return signal.exit_code
    except ClusterError as error:
        errors.print(f"[red]{escape(error.message)}[/red]", highlight=False, soft_wrap=True)
        return 2 if isinstance(error, AlreadyUp | Busy | PortInUse) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    bring_up = commands.add_parser("up", help="start Ray, MLflow and the API; they stay when this command ends")
    bring_up.add_argument("--foreground", action="store_true", help="stay, and stop all of it at Ctrl-C")
    bring_up.add_argument(
        "--only", nargs="+", choices=list(stack.PARTS), default=list(stack.PARTS), help="start these parts alone"
    )
    bring_down = commands.add_parser("down", help="stop what `up` started")
    look = commands.add_parser("status", help="what runs, and where; exit code 1 where the stack is not whole")
    for command in (bring_up, bring_down, look):
        command.add_argument("--json", action="store_true", help="the outcome as JSON on standard output")
    return parser.parse_args(arguments)


def _up(settings: ClusterSettings, console: Console, only: Sequence[str], *, foreground: bool) -> int:
    display = Display(console)
    with display.live():
        parts = {name: recipe for name, recipe in stack.PARTS.items() if name in only}
        found = stack.up(settings, display, parts)
    show_addresses(console, settings, found)
    return _stay(settings, console) if foreground else 0


def _stay(settings: ClusterSettings, console: Console) -> int:
    """Until a signal comes or a part ends; then the rest is stopped."""
    try:
        while stack.current(settings) is not None:
            time.sleep(LOOK_EVERY_S)
        console.print("a part has ended, see its log; stopping the others")
        return 1
    finally:
        stack.down(settings)


def _down(settings: ClusterSettings, console: Console) -> int:
    console.print("stopped" if stack.down(settings) else f"no stack is up in {settings.home}", highlight=False)
    return 0


def _status(settings: ClusterSettings, console: Console) -> int:
    known = state.read(settings.home)
    if known is None:
        console.print(f"no stack is up in {settings.home}", highlight=False, soft_wrap=True)
        return 1
    for part in known.parts:
        runs = "runs " if part.process.find() else "ended"
        console.print(f" {TITLES[part.name]:<8} {runs}  {part.url}  {part.log}", highlight=False, soft_wrap=True)
    return 0 if stack.current(settings) else 1


def _described(settings: ClusterSettings) -> dict[str, Any]:
    """The stack as it is now, for programs."""
    known = state.read(settings.home)
    parts = known.parts if known else ()
    return {
        "up": stack.current(settings) is not None,
        "home": str(settings.home),
        "parts": [
            {"name": part.name, "url": part.url, "log": str(part.log), "runs": part.process.find() is not None}
            for part in parts
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
