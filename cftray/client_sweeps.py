"""Sweeps from Python: what is asked for, and a handle on it.

found = client.sweep("sweep.yaml")
found.wait(progress=True)
found.trials                                      # values, state, scores at each rung
found.best                                        # the best trial, if one keeps to the constraints
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cftray.client import ClientError, Json, Run


class Sweep(Run):
    """One sweep of the service, as last seen."""

    collection = "/v1/sweeps"

    @property
    def trials(self) -> Sequence[Json]:
        """Every trial: `number`, `values`, `state`, `rungs` with scores, `failure`."""
        if "trials" not in self.view:  # as in a list
            self.refresh()
        found: Sequence[Json] = self.view["trials"]
        return found

    @property
    def best(self) -> Json | None:
        """The trial whose score is highest of those that were trained whole and keep to the constraints."""
        trials = self.trials
        number = self.view["best"]
        return None if number is None else trials[int(number) - 1]

    def results(self) -> NoReturn:
        """A sweep has no P2 of its own. Raises ClientError that says where its trials' scores are."""
        raise ClientError(f"{self.id} is a sweep, whose trials have scores: `cftray sweep results {self.id}`")

    def trial_results(self) -> Json:
        """Trials beside each other, with intervals where they were trained whole; `front` are those that none beats."""
        found: Json = self.client.ask("GET", f"{self.path}/results")["results"]
        return found

    def picture(self, path: Path | str) -> Path:
        """Save the change of TA against that of LA at `path`, as PNG or SVG by its suffix."""
        target = Path(path)
        return self.client.save(f"{self.path}/figures/pareto{target.suffix}", target)
