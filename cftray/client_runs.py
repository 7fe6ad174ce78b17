"""A handle on whatever the service runs as one: an experiment; evaluations, comparisons and sweeps are runs too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cftray.client_errors import ExperimentFailed, Unreachable
from cftray.client_files import written
from cftray.client_results import Results

if TYPE_CHECKING:
    from cftray.client import Client

SILENCE_S = 40.0
"""A live stream that says nothing for so long is taken for dead; the service speaks every 15 s."""
PATIENCE_S = 120.0
"""How long a wait goes on while the service can't be reached."""
POLL_S = 1.0
VAIN_STREAMS = 3
"""After so many streams in a row that brought nothing, events are polled for."""

Json = dict[str, Any]


class Run:
    """One experiment of the service, as last seen."""

    collection = "/v1/experiments"

    def __init__(self, client: Client, view: Json) -> None:
        self.client = client
        self.view = view

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.view['name']} {self.state}>"

    @property
    def id(self) -> str:
        """The experiment's id."""
        return str(self.view["id"])

    @property
    def state(self) -> str:
        """queued, running, cancelling, succeeded, failed or cancelled."""
        return str(self.view["state"])

    @property
    def terminal(self) -> bool:
        """Whether nothing happens any more."""
        return bool(self.view["terminal"])

    @property
    def path(self) -> str:
        """The experiment's path in the service."""
        return f"{self.collection}/{self.id}"

    def refresh(self) -> Run:
        """Look again."""
        self.view = self.client.ask("GET", self.path)
        return self

    def cancel(self) -> Run:
        """Ask it to stop."""
        self.view = self.client.ask("POST", f"{self.path}/cancel")
        return self

    def retry(self) -> Run:
        """Try again what has failed or was cancelled; what is recorded is not run again. Raises Refused otherwise."""
        self.view = self.client.ask("POST", f"{self.path}/retry")
        return self

    def events(self, after: int = 0) -> list[Json]:
        """What has happened after event number `after`."""
        found: list[Json] = []
        more = True
        while more:
            page = self.client.ask("GET", f"{self.path}/events", params={"after": after})
            found += page["data"]
            after, more = page["next"], page["has_more"]
        return found

    def follow(self, after: int = 0, *, patience_s: float = PATIENCE_S, until: float | None = None) -> Iterator[Json]:
        """Events from number `after` on, each once, as they happen, until the experiment is over.

        Outlives restarts of the service up to `patience_s` of silence, then raises Unreachable. Ends
        without more ado at `until` (time.monotonic()).
        """
        vain, reached = 0, time.monotonic()
        while until is None or time.monotonic() < until:
            came = False
            if vain < VAIN_STREAMS:
                silence_s = SILENCE_S if until is None else max(0.1, min(SILENCE_S, until - time.monotonic()))
                try:
                    for event in self.client.stream(self.path, after, silence_s):
                        if event["seq"] > after:
                            after, came = event["seq"], True
                            yield event
                except Unreachable:
                    pass
            vain = 0 if came else vain + 1
            try:
                page = self.client.ask("GET", f"{self.path}/events", params={"after": after})
            except Unreachable:
                if time.monotonic() - reached > patience_s and not came:
                    raise
                vain = 0
                time.sleep(POLL_S)
                continue
            reached = time.monotonic()
            for event in page["data"]:
                after = event["seq"]
                yield event
            if page["terminal"] and not page["has_more"]:
                return
            if vain >= VAIN_STREAMS:
                time.sleep(POLL_S)

    def wait(self, *, progress: bool = False, timeout: float | None = None, check: bool = True) -> Run:
        """Until it is over; `progress` shows it on the terminal meanwhile.

        Raises TimeoutError after `timeout` seconds, and with `check` ExperimentFailed unless it succeeded.
        """
        until = None if timeout is None else time.monotonic() + timeout
        if progress:
            from cftray.cli.watch import watch

            watch([self], until=until)
        else:
            for _ in self.follow(until=until):
                pass
        if not self.refresh().terminal:
            raise TimeoutError(f"{self.id} is {self.state} after {timeout:.0f} s")
        if check and self.state != "succeeded":
            raise ExperimentFailed(self.view)
        return self

    def logs(self, *, attempt: int | None = None, tail: int | None = None) -> str:
        """The job's log: of the newest attempt, or of one."""
        wanted = {name: value for name, value in {"attempt": attempt, "tail": tail}.items() if value is not None}
        return str(self.client.ask("GET", f"{self.path}/logs", params=wanted)["text"])

    def results(self) -> Results:
        """Scores of P1 and P2 and their differences, as far as there are any."""
        return Results(self.client.ask("GET", f"{self.path}/results")["results"])

    def report(self, path: Path | str) -> Path:
        """Save the report, one HTML page, at `path`."""
        return written(Path(path), self.client.response("GET", f"{self.path}/report").text)

    def bundle(self, path: Path | str) -> Path:
        """Save the experiment's bundle, what it takes to run it again elsewhere, at `path`."""
        document = self.client.ask("GET", f"{self.path}/bundle")
        return written(Path(path), json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def items(self, path: Path | str, phase: str, *, seed: int | None = None, of: str = "items") -> Path:
        """Save every item of a model, `p1` or `p2`, as Parquet; with of="annotations" a judge's, as JSON lines.

        `seed` may be left out where there is one.
        """
        wanted: Json = {"phase": phase, "of": of} | ({} if seed is None else {"seed": seed})
        return self.client.save(f"{self.path}/items", path, **wanted)
