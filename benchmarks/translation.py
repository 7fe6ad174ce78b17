"""What translation costs besides its translator: `python -m benchmarks.translation`.

Part one, in this process: the miniature's rows through the stage with its dictionary; what a row costs beyond the
translator's own time (cutting, protecting, gate, files). Part two: rows/s over Ray Data with one actor and two, from
the first finished batch to the last; needs a machine to itself, skipped with `--without-ray`. Part three, in a
process of its own: the most memory that the driver has above its start while it plans and lays out `--stream` rows
whose batches are written as they are asked for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.generation import ray_cluster
from cftray.data.adapters import write_rows
from cftray.data.rows import Row
from cftray.mini import datasets
from cftray.plan.data_stages import TranslateConfig
from cftray.spec.execution import ExecutionSpec
from cftray.stage import StageContext, Workers
from cftray.translation.batches import Figures, write_batch
from cftray.translation.index import read_at
from cftray.translation.stage import run
from cftray.translation.work import Outcome

SENTENCE = "This row stands for one of a large set and says about as much as such a row would. "


class InProcess:
    """Workers that are this process."""

    def available(self, accelerator: str | None) -> int:  # noqa: ARG002
        """One."""
        return 1

    def map(self, make: Any, request: Mapping[str, Any], items: Sequence[Any], **_: Any) -> None:
        """See `Workers.map`."""
        handle = make(request)
        for item in items:
            handle(item)


class Copies(InProcess):
    """Workers that leave each row as it is: what remains is the driver's own."""

    def map(self, make: Any, request: Mapping[str, Any], items: Sequence[Any], **_: Any) -> None:  # noqa: ARG002
        """Write every batch, a batch at a time."""
        for item in items:
            rows = read_at(Path(request["rows"]), item["places"])
            made = [
                Outcome(id=row.id, reason=None, tried=1, row=replace(row, id=f"{row.id}@de", english_id=row.id))
                for row in rows
            ]
            figures = Figures(rows=len(rows), seconds=0.0, translator_seconds=0.0)
            write_batch(Path(request["folder"]), item["number"], figures, made)


def stage(folder: Path, rows: Path, workers: Workers | InProcess, *, actors: int, batch: int) -> dict[str, float]:
    """One attempt at the stage; its metrics."""
    folder.mkdir(parents=True)
    config = TranslateConfig.model_validate(
        {"into": "de", "translator": {"kind": "dictionary", "batch_size": batch}, "gate": {}}
    )
    context = StageContext(
        folder=folder, execution=ExecutionSpec(workers=actors), workers=workers,  # type: ignore[arg-type]
        stop=folder.parent / "stop",
    )  # fmt: skip
    return dict(run(config, {"rows": rows}, context).metrics)


def steady(folder: Path) -> float:
    """Rows/s after the first finished batch."""
    files = sorted((folder / "batches").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    rows = sum(json.loads(path.open(encoding="utf-8").readline())["rows"] for path in files[1:])
    return rows / max(1e-9, files[-1].stat().st_mtime - files[0].stat().st_mtime)


def memory_mib(what: str) -> float:
    """`VmRSS` or `VmHWM` (the most so far) of this process."""
    with open("/proc/self/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(f"{what}:")) / 1024


def stream(home: Path, count: int, batch: int) -> None:
    """Print the driver's peak above its start, as JSON."""
    rows = home / "rows.jsonl"
    write_rows(
        rows, (Row(id=f"row-{n:07d}", instruction=SENTENCE * 2, output=SENTENCE * 8) for n in range(count))
    )
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins here
    before = memory_mib("VmRSS")
    stage(home / "stream", rows, Copies(), actors=1, batch=batch)
    above = memory_mib("VmHWM") - before
    print(json.dumps({"rows": count, "above_start_mib": above, "bytes": rows.stat().st_size}))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--stream", type=int, default=550_000)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--only-stream", action="store_true", help="part three here, for the driver's process")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        home = Path(temporary)
        if asked.only_stream:
            stream(home, asked.stream, asked.batch)
            return
        rows = home / "rows.jsonl"
        write_rows(rows, datasets.english_counterparts("multialpaca-mini", samples=asked.rows, seed=3))
        metrics = stage(home / "here", rows, InProcess(), actors=1, batch=asked.batch)
        print(f"beyond the translator's own time: {metrics['overhead_ms_per_row']:.3f} ms a row; "
              f"the dictionary itself {1000 * metrics['seconds_in_translator'] / asked.rows:.3f} ms")  # fmt: skip
        if not asked.without_ray:
            _over_ray(home, rows, asked.batch)
        command = [sys.executable, "-m", "benchmarks.translation", "--only-stream",
                   "--stream", str(asked.stream), "--batch", str(asked.batch)]  # fmt: skip
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"driver over {told['rows']:,} rows ({told['bytes'] / 2**20:,.0f} MiB): "
              f"{told['above_start_mib']:,.0f} MiB above its start")  # fmt: skip


def _over_ray(home: Path, rows: Path, batch: int) -> None:
    with ray_cluster(home / "stack") as address:
        from cftray.runner.ray_workers import RayWorkers

        for actors in (1, 2):
            folder = home / f"ray{actors}"
            stage(folder, rows, RayWorkers(home / "scratch", address=address), actors=actors, batch=batch)
            print(f"Ray Data, actors: {actors}: {steady(folder):,.0f} rows/s")


if __name__ == "__main__":
    main()
