"""Where the seconds of an experiment go, on an embedded stack of its own.

    python -m benchmarks.experiment

Prints the time from POST to the first optimizer step, cold (the first job of a fresh stack) and warm (the
next one), taken apart; and, for two experiments POSTed together as in the demo, which share of the wall
time was not spent computing: in optimizer steps, or in scoring once the model was loaded.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cftray.client import Client, Run
from cftray.recipes import mini
from cftray.store import Record, Store
from cluster import stack
from cluster.display import Display
from cluster.settings import load

FIRST_SEED = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Seconds since 1970, from and to."""

    start: float
    end: float


def main() -> None:
    """Bring a stack up, measure, print, bring it down."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="cftray-bench-") as home:
        settings = load(home=Path(home), port=0, mlflow_port=0, ray_dashboard_port=0)
        display = Display(console)
        with display.live():
            state = stack.up(settings, display)
        try:
            client, store = Client(state.url("api")), Store(settings.store)
            first_steps(console, client, store)
            demo_share(console, client, store)
        finally:
            stack.down(settings)


def first_steps(console: Console, client: Client, store: Store) -> None:
    """From POST to the first step, cold and warm, by part."""
    table = Table("POST to the first optimizer step, s", "cold", "warm", box=None)
    measured = [_first_step(client, store, FIRST_SEED + index) for index in range(2)]
    for part in measured[0]:
        table.add_row(part, *(f"{one[part]:.1f}" for one in measured))
    console.print(table)


def _first_step(client: Client, store: Store, seed: int) -> dict[str, float]:
    posted = time.time()
    run = client.submit(mini("similar", seeds=(seed,), name=f"first-step-{seed}"))
    stage = f"train.p1.s{seed}"
    for event in run.follow():
        if event["kind"] == "stage.progress" and event["stage"] == stage:
            break
    run.cancel()
    run.wait(check=False)
    events = {(event["kind"], event["stage"]): _seconds(event["at"]) for event in run.events()}
    folder = _attempt(store, run, stage)
    marks = json.loads((folder / "timeline.json").read_text(encoding="utf-8"))
    began = events["stage.started", stage]
    return {
        "job submitted": events["attempt.submitted", None] - posted,
        "job starts, imports": events["job.started", None] - events["attempt.submitted", None],
        "rows and tokens": began - events["job.started", None],
        "workers start, group joins (Ray Train)": marks["entered"] - began,
        "imports in the workers": marks["imported"] - marks["entered"],
        "model": marks["model"] - marks["imported"],
        "engine (DeepSpeed)": marks["engine"] - marks["model"],
        "first step": marks["first_step"] - marks["engine"],
        "all": marks["first_step"] - posted,
    }


def demo_share(console: Console, client: Client, store: Store) -> None:
    """The share of the wall time in which nothing was computed."""
    started = time.time()
    pairs = ("similar", "dissimilar")
    runs = [client.submit(mini(pair, seeds=(FIRST_SEED + 10,), name=f"share-{pair}")) for pair in pairs]
    for run in runs:
        run.wait()
    wall = time.time() - started
    busy: list[Interval] = []
    for run in runs:
        scoring = _scoring_began(run)
        for node in run.refresh().view["plan"]["stages"]:
            record = store.record(node["fingerprint"])
            if record is not None and record.experiment == run.id:
                busy.append(_computing(record, store, scoring.get(node["name"])))
    covered = _covered(busy)
    table = Table("two experiments together", "", box=None)
    table.add_row("wall time", f"{wall:.0f} s")
    table.add_row("computing (steps, scoring, rows, tokens)", f"{covered:.0f} s")
    table.add_row("share that was not computing", f"{1 - covered / wall:.0%}")
    console.print(table)


def _scoring_began(run: Run) -> dict[str, float]:
    """When each evaluation told of its first items: its process has its imports and its model by then."""
    began: dict[str, float] = {}
    for event in run.events():
        if event["kind"] == "stage.progress" and event["stage"].startswith("evaluate"):
            began.setdefault(event["stage"], _seconds(event["at"]))
    return began


def _computing(record: Record, store: Store, scoring_began: float | None) -> Interval:
    if record.kind == "train":
        marks = json.loads(store.output(record, "timeline").read_text(encoding="utf-8"))
        return Interval(start=marks["engine"], end=marks["proved"])
    end = _seconds(record.finished_at)
    return Interval(start=scoring_began or end - record.seconds, end=end)


def _covered(intervals: list[Interval]) -> float:
    """The length of the intervals' union."""
    total, reached = 0.0, 0.0
    for one in sorted(intervals, key=lambda one: one.start):
        total += max(0.0, one.end - max(one.start, reached))
        reached = max(reached, one.end)
    return total


def _attempt(store: Store, run: Run, stage: str) -> Path:
    nodes = {node["name"]: node["fingerprint"] for node in run.refresh().view["plan"]["stages"]}
    return store.attempt_folder(nodes[stage], 1)


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


if __name__ == "__main__":
    main()
