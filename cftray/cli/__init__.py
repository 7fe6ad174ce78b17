"""The command line, `cftray`. Exit codes: 0 done, 1 the experiment failed, 2 the request was wrong,
3 the service can't be reached."""

from __future__ import annotations


def main() -> None:
    """Entry point of the `cftray` command."""
    from cftray.cli.app import run

    run()
