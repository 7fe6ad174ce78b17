"""Speed of the generation stage beside what a person would write: `python -m benchmarks.generation`.

One model, the same prompts, greedy, one thread. In one process, batch by batch in turn: (1) `model.generate`
row by row, (2) the same over padded batches of like length, (3) the stage's own answerer, its files included.
Then, in the same round, the whole stage over Ray Data with one actor and with two, once each actor has answered
its first batch, so without their start. (1) to (3) are told in CPU seconds, which other processes disturb less;
the actors by the clock, beside (2) by the clock, and that needs a machine to itself. Figures are medians over
the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from cftray.data.adapters import write_rows
from cftray.generation.stage import run
from cftray.mini import datasets
from cftray.plan.stages import GenerateConfig
from cftray.spec.execution import ExecutionSpec
from cftray.spec.model import MINI_BASE
from cftray.stage import StageContext
from cftray.store import locate_model
from cftray.training.local_workers import LocalWorkers

PLAIN, BATCHED, OURS = "model.generate, row by row", "model.generate, batched", "CFTRay, in one process"
ACTORS = (1, 2)
WHAT = ("rows", "tokens")
Counts = dict[str, float]


class InTurn:
    """Workers that measure instead: the stage's own batches, each answered in all three ways."""

    def available(self, accelerator: str | None) -> int:  # noqa: ARG002
        """One process, on a CPU."""
        return 1

    def map(self, make: Any, request: Mapping[str, Any], items: Sequence[Any], **_: Any) -> None:  # noqa: ARG002
        """See `Workers.map`; leaves `figures`."""
        from benchmarks import generation as here

        work = {"request": dict(request), "items": list(items)}
        self.figures = LocalWorkers().call(here.alternate, work, accelerator=None, name="alternate")


def alternate(work: Mapping[str, Any]) -> dict[str, Counts]:
    """Rows, tokens up to the answers' ends, CPU seconds and seconds by the clock of each way, the first batch apart."""
    import torch
    from transformers import AutoModelForCausalLM

    from cftray.generation.batches import batch_file, read_answers
    from cftray.generation.entry import answerer

    request = work["request"]
    ours = answerer(request)
    model = AutoModelForCausalLM.from_pretrained(request["model"], dtype=torch.float32, local_files_only=True).eval()
    ends = request["ends"]

    def generate(prompts: Sequence[Sequence[int]], most: int) -> int:
        longest = max(map(len, prompts))
        ids = torch.tensor([[ends[0]] * (longest - len(one)) + list(one) for one in prompts])
        mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])
        with torch.no_grad():
            whole = model.generate(
                input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=most,
                eos_token_id=ends, pad_token_id=ends[0],
            )  # fmt: skip
        return sum(_used(row, ends) for row in whole[:, longest:].tolist())

    def alone(prompt: Sequence[int], most: int) -> int:
        return generate([prompt], most)

    def answer(batch: Mapping[str, Any]) -> int:
        ours(batch)
        return sum(one["tokens"] for one in read_answers(batch_file(Path(request["folder"]), batch["number"])))

    ways = {
        PLAIN: lambda batch: sum(map(alone, batch["tokens"], batch["most"])),
        BATCHED: lambda batch: generate(batch["tokens"], max(batch["most"])),
        OURS: answer,
    }
    counts: dict[str, Counts] = {name: {"rows": 0, "tokens": 0, "cpu": 0.0, "clock": 0.0} for name in ways}
    first, *others = work["items"]
    ways[BATCHED](first)
    ways[OURS](first)
    for batch in others:
        for name, way in ways.items():
            cpu, clock = time.process_time(), time.perf_counter()
            tokens = way(batch)
            counts[name]["cpu"] += time.process_time() - cpu
            counts[name]["clock"] += time.perf_counter() - clock
            counts[name]["rows"] += len(batch["ids"])
            counts[name]["tokens"] += tokens
    return counts


def stage(folder: Path, asked: argparse.Namespace, workers: Any, actors: int) -> Path:
    """One attempt at the stage in `folder`."""
    prompts, attempt = folder / "prompts", folder / "attempt"
    prompts.mkdir(parents=True)
    attempt.mkdir()
    write_rows(prompts / "rows.jsonl", datasets.english_counterparts("multialpaca-mini", samples=asked.rows, seed=3))
    (prompts / "meta.json").write_text(json.dumps({"needed": asked.rows}), encoding="utf-8")
    config = GenerateConfig.model_validate(
        {
            "template": "chat", "decoding": {"batch_size": asked.batch}, "max_new_tokens": asked.tokens,
            "precision": "fp32", "seed": 1,
        }
    )  # fmt: skip
    model = Path(asked.model) if asked.model else locate_model(MINI_BASE)
    context = StageContext(
        folder=attempt, execution=ExecutionSpec(workers=actors), workers=workers, stop=folder / "stop"
    )
    run(config, {"prompts": prompts, "model": model, "tokenizer": model}, context)
    return attempt


def steady(attempt: Path, actors: int) -> Counts:
    """What came after each actor's first batch, and in how many seconds."""
    files = sorted((attempt / "batches").glob("*.json"), key=lambda path: path.stat().st_mtime)
    answers = [one for path in files[actors:] for one in json.loads(path.read_text(encoding="utf-8"))]
    clock = files[-1].stat().st_mtime - files[actors - 1].stat().st_mtime
    return {"rows": len(answers), "tokens": sum(one["tokens"] for one in answers), "clock": clock}


@contextmanager
def ray_cluster(home: Path) -> Iterator[str]:
    """An embedded stack of two CPUs: its Ray address, which this process may join."""
    # Ray reads these when it is imported.
    os.environ.update(RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0", RAY_AUTH_MODE="token")
    from rich.console import Console

    from cluster import stack
    from cluster.display import Display
    from cluster.settings import load

    settings = load(home=home, port=0, mlflow_port=0, ray_dashboard_port=0, cpus=2)
    display = Display(Console())
    with display.live():
        stack.up(settings, display)
    try:
        address = (settings.ray_temp / "ray_current_cluster").read_text(encoding="utf-8").strip()
        os.environ.update(RAY_AUTH_TOKEN_PATH=str(settings.token_file), RAY_ADDRESS=address)
        yield address
    finally:
        import ray

        ray.shutdown()
        stack.down(settings)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64, help="the most that an answer has")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="a model folder; the miniature's base where left out")
    parser.add_argument("--without-ray", action="store_true")
    asked = parser.parse_args()
    if asked.rows <= 3 * asked.batch:
        parser.error(f"{asked.rows} rows are too few: two actors need more than 3 batches of {asked.batch}")
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        home = Path(temporary)
        with nullcontext() if asked.without_ray else ray_cluster(home / "stack") as address:
            rounds = [_round(home / str(number), asked, address) for number in range(asked.rounds)]
    _print(rounds, "cpu", PLAIN, {PLAIN: 1, BATCHED: 1, OURS: 1})
    if not asked.without_ray:
        _print(rounds, "clock", BATCHED, {BATCHED: 1, OURS: 1, **{_pool(actors): actors for actors in ACTORS}})


def _round(folder: Path, asked: argparse.Namespace, address: str | None) -> dict[str, Counts]:
    """Each way once, the ones beside the others that they are set against."""
    turn = InTurn()
    stage(folder / "turn", asked, turn, 1)
    figures = dict(turn.figures)
    if address is not None:
        from cftray.runner.ray_workers import RayWorkers

        for actors in ACTORS:
            pool = RayWorkers(folder / "scratch", address=address)
            figures[_pool(actors)] = steady(stage(folder / f"ray{actors}", asked, pool, actors), actors)
    return figures


def _print(rounds: Sequence[Mapping[str, Counts]], unit: str, base: str, ways: Mapping[str, int]) -> None:
    """Rates of each way, and its tokens/s to those of `base` in the same round, whole and for each process."""
    print(f"{'per second of ' + unit:32} {'rows':>8} {'tokens':>10} {'to ' + base:>34} {'each':>6}")
    for name, processes in ways.items():
        rows, tokens = (statistics.median(one[name][what] / one[name][unit] for one in rounds) for what in WHAT)
        ratio = statistics.median(
            one[name]["tokens"] / one[name][unit] / (one[base]["tokens"] / one[base][unit]) for one in rounds
        )
        print(f"{name:32} {rows:8.1f} {tokens:10.0f} {ratio:34.2f} {ratio / processes:6.2f}")


def _pool(actors: int) -> str:
    return f"CFTRay, Ray Data, actors: {actors}"


def _used(tokens: Sequence[int], ends: Sequence[int]) -> int:
    """Tokens of an answer with its end."""
    return next((place + 1 for place, token in enumerate(tokens) if token in ends), len(tokens))


if __name__ == "__main__":
    main()
