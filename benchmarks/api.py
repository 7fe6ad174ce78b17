"""How fast the control plane starts and answers, and how much memory it takes.

    python -m benchmarks.api [--experiments 10000]

Fills a database of its own with finished experiments, serves it with uvicorn as `python -m api` does,
and asks over HTTP. Ray is not needed: nothing is open.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import insert

from api.app import create_app
from api.database import Database
from api.experiments.ids import new_id
from api.experiments.service import stage_rows
from api.settings import Settings
from api.tables import AttemptRow, EventRow, ExperimentRow, LabelRow
from cftray.plan import canonical
from cftray.recipes import mini

REQUESTS = 200
EVENTS = 20


def main() -> None:
    """Fill, serve, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=10_000)
    count = parser.parse_args().experiments
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/control.db", store=Path(folder) / "store", port=_free_port()
        )
        ids = fill(settings, count)
        figures = [("import api.app", f"{import_seconds():.2f} s", "")]
        with served(settings) as (process, started):
            figures.append(("process start to first /healthz", f"{started:.2f} s", "< 2 s"))
            figures += latencies(settings, ids, process)
            figures.append(("resident memory", f"{process.memory_info().rss / 2**20:.0f} MB", "< 300 MB"))
    print(f"{count} experiments stored, {EVENTS} events each; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, figure, aim in figures:
        print(f"{name:<44} {figure:>12}   {aim}")


def fill(settings: Settings, count: int) -> list[str]:
    """Store `count` succeeded experiments with stages, an attempt and events each."""
    app = create_app(settings)
    plans = app.state.services.plans
    database: Database = app.state.backstage.database
    settings.store.mkdir(parents=True)
    database.migrate()
    spec = mini("dissimilar")
    plan = plans.plan(spec)
    stages = plans.stages(plan)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    texts = canonical(spec), canonical(plan)
    ids = [new_id() for _ in range(count)]
    for start in range(0, count, 500):
        with database.write() as session:
            moments = {index: begun + timedelta(seconds=index) for index in range(start, min(start + 500, count))}
            session.add_all(_experiment(ids[index], index, at, texts) for index, at in moments.items())
            session.flush()
            for index, at in moments.items():
                session.add(LabelRow(label=f"night-{index % 50}", seq=index + 1))
                session.add_all(stage_rows(ids[index], stages))
                session.add(_attempt(ids[index], at))
            events = [event for index, at in moments.items() for event in _events(ids[index], at)]
            session.execute(insert(EventRow), events)
    database.close()
    return ids


def _experiment(identifier: str, index: int, at: datetime, texts: tuple[str, str]) -> ExperimentRow:
    return ExperimentRow(
        seq=index + 1,
        id=identifier, name=f"mini-{index % 100}", project="mini", labels=[f"night-{index % 50}"],
        state="failed" if index % 10 == 0 else "succeeded", created_at=at, updated_at=at, finished_at=at,
        attempts_before=0, last_event=EVENTS, tracked_seq=EVENTS, plan_complete=True, spec=texts[0], plan=texts[1],
    )  # fmt: skip


def _attempt(identifier: str, at: datetime) -> AttemptRow:
    return AttemptRow(
        experiment_id=identifier, number=1, submission_id=f"cftray-{identifier}-1", created_at=at, submitted_at=at,
        started_at=at, ended_at=at, outcome="succeeded", last_number=EVENTS, log_kept=True,
    )  # fmt: skip


def _events(identifier: str, at: datetime) -> list[dict[str, Any]]:
    data = {"step": 1, "total": 10, "unit": "steps", "figures": {"loss": 1.0, "tokens_per_s": 31000.0}}
    common = {"experiment_id": identifier, "attempt": 1, "at": at, "kind": "stage.progress", "stage": "train.p1.s17"}
    return [common | {"seq": n, "number": n, "data": data} for n in range(1, EVENTS + 1)]


def import_seconds() -> float:
    """The best of three fresh interpreters."""
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import api.app"], check=True)
        taken.append(time.perf_counter() - begun)
    return min(taken)


@contextmanager
def served(settings: Settings) -> Iterator[tuple[psutil.Process, float]]:
    """The service as a process of its own, and the seconds until it answered."""
    environment = os.environ | {
        "CFTRAY_DATABASE_URL": settings.database_url.get_secret_value(),
        "CFTRAY_STORE": str(settings.store),
        "CFTRAY_PORT": str(settings.port),
    }
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "api"], env=environment)
    try:
        while True:
            try:
                httpx.get(f"{settings.base_url}/healthz", trust_env=False).raise_for_status()
                break
            except httpx.TransportError:
                if process.poll() is not None:
                    raise
                time.sleep(0.01)
        yield psutil.Process(process.pid), time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


def latencies(settings: Settings, ids: list[str], process: psutil.Process) -> list[tuple[str, str, str]]:
    """Median, 95th percentile and the service's processor time for what people and programs ask most.

    The processor time holds on a busy machine too, where the median tells of the neighbours.
    """
    last, middle = ids[0], ids[len(ids) // 2]
    asked = {
        "GET /v1/experiments (50)": "/v1/experiments",
        "GET /v1/experiments?limit=10": "/v1/experiments?limit=10",
        "the same from the middle of the list": f"/v1/experiments?after={middle}",
        "the same by label and state": "/v1/experiments?label=night-7&state=succeeded",
        "the same by a name nobody has": "/v1/experiments?name=none",
        "GET /v1/experiments/{id}": f"/v1/experiments/{last}",
        "GET /v1/experiments/{id}/events": f"/v1/experiments/{last}/events",
    }
    figures = []
    with httpx.Client(base_url=settings.base_url, trust_env=False) as client:
        for name, path in asked.items():
            taken, busy = [], _busy(process)
            for _ in range(REQUESTS):
                begun = time.perf_counter()
                client.get(path).raise_for_status()
                taken.append((time.perf_counter() - begun) * 1000)
            cpu = (_busy(process) - busy) / REQUESTS * 1000
            median, tail = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
            figures.append((name, f"{median:.1f} ms", f"< 20 ms (95 %: {tail:.1f} ms, processor: {cpu:.1f} ms)"))
    return figures


def _busy(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
