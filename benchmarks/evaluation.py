"""Speed of an evaluation beside lm-eval's own command: `python -m benchmarks.evaluation`.

The miniature's base model on its task pack, the same items. lm-eval runs as people run it, `python -m lm_eval`, chat
tasks and raw ones in calls of their own; its start (imports, model, tasks) is what the same calls take for one item a
task, and is taken off. CFTRay's seconds are those of asking (prompts to tokens), answering and scoring, each without
its process's start: answering is told from the time after the last actor was ready, in proportion to what the batches
took. Whole seconds by the clock stand beside them. Rounds alternate, ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.generation import ray_cluster
from cftray.evaluation import requests_stage, stage
from cftray.evaluation.packs import find_pack
from cftray.plan.stages import EvaluateConfig, RequestsConfig
from cftray.spec.execution import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import Artifact, StageContext
from cftray.store import locate_model
from cftray.training.local_workers import LocalWorkers

ACTORS = (1, 2)
Figures = dict[str, float]


def lm_eval(folder: Path, asked: argparse.Namespace, threads: int) -> Figures:
    """The command over all tasks, and again for an item a task."""
    pack, model = find_pack("mini"), locate_model(MINI_BASE)
    whole = start = 0.0
    for chat in (True, False):
        tasks = ",".join(task.task for task in pack.tasks if task.chat is chat)
        bos = ",add_bos_token=False" if chat else ""
        command = [
            sys.executable, "-m", "lm_eval", "run", "--model", "hf",
            "--model_args", f"pretrained={model},dtype=float32{bos}", "--tasks", tasks,
            "--include_path", str(pack.include_path), "--batch_size", str(asked.batch), "--device", "cpu",
            *(["--apply_chat_template"] if chat else []),
        ]  # fmt: skip
        start += _seconds([*command, "--limit", "1"], folder, threads)
        whole += _seconds([*command, *([] if asked.limit is None else ["--limit", str(asked.limit)])], folder, threads)
    return {"work": whole - start, "start": start, "whole": whole}


def _seconds(command: Sequence[str], folder: Path, threads: int) -> float:
    environment = {
        **os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(folder), "TOKENIZERS_PARALLELISM": "false",
    }  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return time.perf_counter() - started


def ours(folder: Path, asked: argparse.Namespace, workers: Any, actors: int) -> Figures:
    """Both stages, with the parts of their time."""
    base = locate_model(MINI_BASE)
    settings = {
        "suites": ["ta", "la"], "pack": "mini", "pack_digest": find_pack("mini").digest, "limit": asked.limit,
        "template": "chat",
    }  # fmt: skip
    started = time.perf_counter()
    config = RequestsConfig.model_validate(settings | {"batch_size": asked.batch})
    requests = requests_stage.run(config, {"tokenizer": base}, _context(folder / "requests", workers, actors))
    inputs = {"model": base, "tokenizer": base, "requests": requests.outputs["requests"]}
    context = _context(folder / "scores", workers, actors)
    scores = stage.run(EvaluateConfig.model_validate(settings | {"precision": "fp32"}), inputs, context)
    whole = time.perf_counter() - started
    work = requests.details["seconds"]["asking"] + _answering(context.folder) + _scoring(scores)
    return {"work": work, "start": whole - work, "whole": whole, "items": requests.metrics["items"]}


def _context(folder: Path, workers: Any, actors: int) -> StageContext:
    folder.mkdir(parents=True)
    return StageContext(
        folder=folder, execution=ExecutionSpec(workers=actors), workers=workers, stop=folder.parent / "stop"
    )


def _answering(attempt: Path) -> float:
    """Seconds of all batches, at the pace at which they went once every actor was there."""
    files = list((attempt / "answers").glob("*.json"))
    ends = [path.stat().st_mtime for path in files]
    took = [float(json.loads(path.read_text(encoding="utf-8"))["seconds"]) for path in files]
    ready = max(path.stat().st_mtime for path in (attempt / "started-by").glob("*.json"))
    since = sum(min(seconds, max(0.0, end - ready)) for seconds, end in zip(took, ends, strict=True))
    return (max(ends) - ready) * sum(took) / since


def _scoring(scores: Artifact) -> float:
    return float(scores.details["seconds"]["scoring"])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--limit", type=int, help="items a task; all where left out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-ray", action="store_true", help="actors are plain processes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        home = Path(temporary)
        with nullcontext() if asked.without_ray else ray_cluster(home / "stack") as address:
            rounds = [_round(home / str(number), asked, address) for number in range(asked.rounds)]
    _print(rounds)


def _round(folder: Path, asked: argparse.Namespace, address: str | None) -> dict[str, Figures]:
    """Each way once."""
    folder.mkdir()
    found = {f"lm_eval, threads: {threads}": lm_eval(folder / "home", asked, threads) for threads in ACTORS}
    for actors in ACTORS:
        workers: Any = LocalWorkers()
        if address is not None:
            from cftray.runner.ray_workers import RayWorkers

            workers = RayWorkers(folder / "scratch", address=address)
        found[f"CFTRay, actors: {actors}"] = ours(folder / f"actors{actors}", asked, workers, actors)
    return found


def _print(rounds: Sequence[Mapping[str, Figures]]) -> None:
    """Medians over the rounds; ratios to lm-eval with one thread."""
    first, *_ = rounds[0]
    items = rounds[0][f"CFTRay, actors: {ACTORS[0]}"]["items"]
    print(f"{'':24} {'items/s':>8} {'to lm_eval':>10} {'start s':>8} {'whole s':>8} {'whole to lm_eval':>16}")
    for name in rounds[0]:
        work, start, whole = (
            statistics.median(one[name][what] for one in rounds) for what in ("work", "start", "whole")
        )
        ratio = statistics.median(one[first]["work"] / one[name]["work"] for one in rounds)
        all_in_all = statistics.median(one[first]["whole"] / one[name]["whole"] for one in rounds)
        print(f"{name:24} {items / work:8.1f} {ratio:10.2f} {start:8.1f} {whole:8.1f} {all_in_all:16.2f}")


if __name__ == "__main__":
    main()
