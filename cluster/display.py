"""Bring-up on the terminal: a spinner and ticks; elsewhere one line an event, without control characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from cluster.settings import ClusterSettings
from cluster.state import State

TITLES = {"ray": "Ray", "mlflow": "MLflow", "api": "API"}


class Display:
    """Tells of a start as it goes on."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.spinner: Status | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """Shows what is being waited for, while inside and on a terminal."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status("") as self.spinner:
            yield
        self.spinner = None

    def note(self, text: str) -> None:
        """A line."""
        self.console.print(escape(text), highlight=False, soft_wrap=True)

    def waiting(self, names: Sequence[str], seconds: float) -> None:
        """The spinner's text."""
        if self.spinner is not None:
            titles = ", ".join(TITLES.get(name, name) for name in names)
            self.spinner.update(f"waiting for {titles}  {seconds:.0f} s")

    def ready(self, name: str, url: str, seconds: float) -> None:
        """A tick."""
        self.note(f" ✓ {TITLES.get(name, name):<8} {url:<28} after {seconds:.1f} s")


def show_addresses(console: Console, settings: ClusterSettings, found: State) -> None:
    """Where the parts are, where their state lies, and how to stop them."""
    home = _short(settings.home)
    for part in found.parts:
        extra = {"api": "  docs at /docs", "ray": f"  token in {home}/{settings.token_file.name}"}.get(part.name, "")
        console.print(f" {TITLES[part.name]:<8} {part.url}{extra}", highlight=False, soft_wrap=True)
    console.print(
        f" logs, state and results in {home}; stop with `make down` or `cftray down`", highlight=False, soft_wrap=True
    )


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
