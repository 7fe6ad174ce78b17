"""Experiments as they run: a live table on a terminal, elsewhere a line an event.

A thread per experiment follows its events; each event makes the drawing thread look at the experiment
again, at most once in a while, so the table shows what the service says rather than a reconstruction.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cftray.cli.session import terminal
from cftray.cli.wording import describe, progress

if TYPE_CHECKING:
    from cftray.client import Run

LOOK_EVERY_S = 0.5
LINE_EVERY_S = 10.0
"""Between two lines on the progress of one stage, where there is no terminal."""
BAR_WIDTH = 20
DONE = ("recorded", "cached")
MARKS = {
    "recorded": "[green]✓[/]", "cached": "[green]✓[/]", "running": "[cyan]●[/]", "waiting": "[yellow]●[/]",
    "failed": "[red]✗[/]", "new": "[dim]·[/]", "skipped": "[dim]·[/]",
}  # fmt: skip

Happening = tuple["Run", dict[str, Any] | BaseException | None]
"""An event of a run, what ended the following of it, or None at its regular end."""


def watch(runs: Sequence[Run], *, console: Console | None = None, until: float | None = None) -> None:
    """Until all are over. Raises what a thread raised: Unreachable, Refused."""
    console = console or terminal()
    happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
    for run in runs:
        threading.Thread(target=_follow, args=(run, happenings, until), daemon=True).start()
    if console.is_terminal:
        _draw(console, runs, happenings)
    else:
        _list(console, runs, happenings)


def table(run: Run) -> Group:
    """An experiment with its stages, as it was last seen."""
    view = run.view
    stages = view["plan"]["stages"]
    titles = {stage["name"]: stage["title"] for stage in stages}
    done = frozenset(stage["name"] for stage in stages if stage["state"] in DONE)
    rows = Table.grid(padding=(0, 2, 0, 0))
    for stage in stages:
        rows.add_row(f" {MARKS[stage['state']]}", stage["title"], _detail(stage, titles, done))
    return Group(heading(run), rows, *failure_lines(view))


def heading(run: Run) -> Text:
    """`exp_7k2q  name  state  address`."""
    view = run.view
    state = f"{view['state']}, waits for {view['waiting_for']}" if view["waiting_for"] else view["state"]
    colour = {"succeeded": "green", "failed": "red", "cancelled": "yellow"}.get(run.state, "cyan")
    return Text.assemble((run.id, "bold"), f"  {view['name']}  ", (state, colour), f"  {view['links']['self']}")


def failure_lines(view: dict[str, Any]) -> list[Text]:
    """Why it failed, and the end of its log."""
    failure = view["failure"]
    if not failure:
        return []
    where = f"{failure['stage']}: " if failure["stage"] else ""
    lines = [Text(f" {where}{failure['message']}", "red")]
    return lines + [Text(f"   {line}", "dim") for line in failure["log_tail"].splitlines()[-12:]]


def event_line(run: Run, event: dict[str, Any]) -> str:
    """`20:33:01  mini-similar  phase 1  step 96 of 235  loss 1.61` (times are UTC)."""
    titles = {stage["name"]: stage["title"] for stage in run.view["plan"]["stages"]}
    subject = titles.get(event["stage"], event["stage"]) or ""
    own = event["kind"].removeprefix("experiment.")  # a sweep is watched as well
    what = event["kind"].partition(".")[2] if event["stage"] else own.replace(".", " ")
    parts = [str(event["at"])[11:19], run.view["name"], subject, _said(run, event) or what]
    return "  ".join(part for part in parts if part)


def _said(run: Run, event: dict[str, Any]) -> str:
    """What an event says beyond its kind."""
    data = event["data"]
    said = ""
    match event["kind"]:
        case "stage.progress":
            said = _progress_said(run, event["stage"], data)
        case "stage.note":
            said = str(data["message"])
        case "stage.recorded":
            said = f"recorded after {data['seconds']:.0f} s"
        case "stage.cached":
            said = f"recorded before, by {data['experiment']}"
        case "stage.skipped":
            gate = "gate closed: " if data.get("gates") else ""
            said = f"left out: {gate}{data.get('why', '')}".removesuffix(": ")
        case "stage.failed":
            said = f"failed: {data['failure']['message']}"
        case "experiment.waiting" if data.get("waiting_for"):
            said = f"waits for {data['waiting_for']}"
        case "trial.scored":
            missed = f", misses the constraints by {100 * data['violation']:.1f}" if data["violation"] > 0 else ""
            said = f"trial {data['trial']} after {100 * data['share']:.3g} %: {100 * data['value']:.1f}{missed}"
        case "trial.ended":
            failure = f": {data['failure']['message']}" if data["failure"] else ""
            said = f"trial {data['trial']} {data['end']}{failure}"
    return said


def _progress_said(run: Run, name: str, data: dict[str, Any]) -> str:
    """The event's figures, with the time left as the service reckons it."""
    seen = next((one["progress"] for one in run.view["plan"]["stages"] if one["name"] == name), None) or {}
    return progress(
        data | {"tokens_per_s": data["figures"].get("tokens_per_s"), "eta_seconds": seen.get("eta_seconds")}
    )


def _follow(run: Run, happenings: queue.SimpleQueue[Happening], until: float | None) -> None:
    try:
        for event in run.follow(until=until):
            happenings.put((run, event))
    except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
        happenings.put((run, error))
    else:
        happenings.put((run, None))


def _draw(console: Console, runs: Sequence[Run], happenings: queue.SimpleQueue[Happening]) -> None:
    following = {run.id for run in runs}
    stale = dict.fromkeys(following, False)
    looked = time.monotonic()
    with Live(_all(runs), console=console, refresh_per_second=4, transient=False) as live:
        while following:
            try:
                run, event = happenings.get(timeout=LOOK_EVERY_S)
            except queue.Empty:
                pass
            else:
                if isinstance(event, BaseException):
                    raise event
                stale[run.id] = True
                if event is None:
                    following.discard(run.id)
            if not following or time.monotonic() - looked > LOOK_EVERY_S:
                looked = time.monotonic()
                for one in runs:
                    if stale[one.id]:
                        _look(one)
                        stale[one.id] = False
                live.update(_all(runs))


def _list(console: Console, runs: Sequence[Run], happenings: queue.SimpleQueue[Happening]) -> None:
    following = {run.id for run in runs}
    said: dict[tuple[str, str], float] = {}
    for one in runs:
        console.print(heading(one), soft_wrap=True)
    while following:
        run, event = happenings.get()
        if isinstance(event, BaseException):
            raise event
        if event is None:
            following.discard(run.id)
            _look(run)
            continue
        if event["kind"] == "stage.progress":
            key = (run.id, event["stage"])
            if time.monotonic() - said.get(key, float("-inf")) < LINE_EVERY_S:
                continue
            said[key] = time.monotonic()
            _look(run)
        console.print(escape(event_line(run, event)), soft_wrap=True, highlight=False)


def _look(run: Run) -> None:
    """Refresh; a service that is away for a moment leaves what was seen last."""
    from cftray.client_errors import Unreachable

    try:
        run.refresh()
    except Unreachable:
        return


def _all(runs: Sequence[Run]) -> Group:
    return Group(*(table(run) for run in runs))


def _detail(stage: dict[str, Any], titles: dict[str, str], done: frozenset[str]) -> Table | Text:
    text = Text(describe(stage, titles, done), "" if stage["state"] != "new" else "dim")
    found = stage["progress"]
    if stage["state"] != "running" or not found:
        return text
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(ProgressBar(total=found["total"], completed=found["step"], width=BAR_WIDTH), text)
    return grid
