"""A matrix of the service from Python: its cells, its table, its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cftray.client_documents import Source, document_of
from cftray.client_files import written
from cftray.errors import Fault, SpecRefused

if TYPE_CHECKING:
    from cftray.client import Client, Run

Json = dict[str, Any]

FIGURES = (".svg", ".png")


class Matrix:
    """One matrix of the service, as last seen."""

    def __init__(self, client: Client, view: Json) -> None:
        self.client = client
        self.view = view

    def __repr__(self) -> str:
        return f"<Matrix {self.id} {self.view['name']} {self.view['counts']}>"

    @property
    def id(self) -> str:
        """The matrix's id."""
        return str(self.view["id"])

    @property
    def path(self) -> str:
        """The matrix's path in the service."""
        return f"/v1/matrices/{self.id}"

    @property
    def terminal(self) -> bool:
        """Whether every cell is over."""
        return bool(self.view["terminal"])

    @property
    def cells(self) -> Sequence[Json]:
        """Each cell: its row, coordinates, experiment, state, failure."""
        found: Sequence[Json] = self.view["cells"]
        return found

    def runs(self) -> Sequence[Run]:
        """The experiments of the cells."""
        return [self.client.get(cell["experiment"]) for cell in self.cells]

    def refresh(self) -> Matrix:
        """Look again."""
        self.view = self.client.ask("GET", self.path)
        return self

    def cancel(self) -> Matrix:
        """Ask every cell that is not over to stop."""
        self.view = self.client.ask("POST", f"{self.path}/cancel")
        return self

    def add(self, more: Source) -> Matrix:
        """Give it more values of its axes, and more cells: `{"axes": {"seed": [19]}, "cells": [{path: value}]}`, or the
        path of a YAML or JSON file with that. Cells that it has stay as they are.

        Raises SpecRefused with the faults of every new cell; then none is added.
        """
        self.view = self.client.ask("POST", f"{self.path}/cells", json=document_of(more))
        return self

    def wait(self, *, progress: bool = False, timeout: float | None = None) -> Matrix:
        """Until every cell is over, however it ended. Raises TimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        if progress:
            from cftray.cli.watch import watch

            watch(self.runs(), until=until)
        else:
            for run in self.runs():
                for _ in run.follow(until=until):
                    pass
        if not self.refresh().terminal:
            raise TimeoutError(f"{self.id} is not over after {timeout:.0f} s: {self.view['counts']}")
        return self

    def table(self) -> Json:
        """Scores of all cells, as far as there are any."""
        found: Json = self.client.ask("GET", f"{self.path}/table")["table"]
        return found

    def table_text(self, format: str, layout: str | None = None) -> str:
        """The table as `markdown` or `csv`, or as `latex` or `html` in the layout of a table of the paper (D1)."""
        wanted = {"format": format} | ({"layout": layout} if layout else {})
        return self.client.response("GET", f"{self.path}/table", params=wanted).text

    def report(self, path: Path | str) -> Path:
        """Save the report, one HTML page, at `path`; of an unfinished matrix it tells what there is."""
        return written(Path(path), self.client.response("GET", f"{self.path}/report").text)

    def figure(self, name: str, path: Path | str) -> Path:
        """Save a figure of the report by its name (`changes`, `forgetting-des`), as what `path` ends with.

        Raises SpecRefused unless that is .svg or .png.
        """
        kind = Path(path).suffix
        if kind not in FIGURES:
            expected = f"a name that ends with {' or '.join(FIGURES)}"
            raise SpecRefused([Fault(path="path", given=str(path), expected=expected)])
        return self.client.save(f"{self.path}/figures/{name}{kind}", path)
