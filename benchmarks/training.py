"""Training speed beside what a person would use instead: `python -m benchmarks.training`.

One model, one data set, one packing, one thread a worker, all in one run: (1) a bare PyTorch loop with
our packed attention, (2) the same with transformers' stock attention over a T×T mask, (3) TRL's
SFTTrainer as it comes (padded batches), (4) CFTRay with one worker, and with two under every ZeRO
stage. The rows of one worker but TRL's alternate step by step in one process and count its CPU
seconds; the others follow one after another by the clock, so they need a machine to themselves. Tokens
a second are medians over the steps after the first five, then over the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cftray.data.order import steps_of
from cftray.data.packing import MicroBatch, micro_batches
from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.spec.execution import CheckpointPolicy
from cftray.spec.hyperparameters import Hyperparameters, Precision
from cftray.training.entry import train_phase
from cftray.training.local_workers import LocalWorkers
from cftray.training.request import TrainRequest

WARM = 5
OURS, BARE, STOCK = "CFTRay, 1 worker, ZeRO 0", "bare PyTorch loop, packed", "bare PyTorch loop, T×T mask"
MINI_BASE = Path(__file__).parent.parent / "cftray" / "mini" / "base"
Speed = dict[str, float]


def alternate(request: Mapping[str, Any]) -> dict[str, Speed]:
    """Each step three times in one process, so that all three meet the same machine: by our engine under
    ZeRO 0, by PyTorch and AdamW alone, and by PyTorch with the stock attention. In CPU seconds of the
    one thread, which other processes disturb less than the clock."""
    import torch

    from cftray.training.engine import Engine, join_group
    from cftray.training.model import load

    asked = TrainRequest.model_validate(request)
    join_group()
    data = TokenizedData.open(Path(asked.data))
    lengths, supervised = data.lengths(), data.supervised_counts()
    engine, packed, stock = (load(Path(asked.model), Precision.FP32, torch.device("cpu"), None) for _ in range(3))
    stock.model.set_attn_implementation("sdpa")
    ours = Engine(engine, asked)
    optimizers = {
        module: torch.optim.AdamW(module.parameters(), lr=1e-4, fused=True, weight_decay=0.0)
        for module in (packed.train(), stock.train())
    }

    def bare(module: Any, batches: Sequence[MicroBatch], targets: int) -> None:
        for batch in batches:
            (module(batch) / targets).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizers[module].step()
        optimizers[module].zero_grad()

    order, counts = steps_of(lengths, asked.hyperparameters, asked.seed), []
    seconds: dict[str, list[float]] = {OURS: [], BARE: [], STOCK: []}
    for step in range(len(order)):
        samples = order[step]
        targets = int(supervised[samples].sum())
        batches = micro_batches(data, samples, lengths, rank=0, ranks=1, bound=asked.micro_batch_tokens)
        ways = {
            OURS: partial(ours.step, batches, targets, 1e-4),
            BARE: partial(bare, packed, batches, targets),
            STOCK: partial(bare, stock, batches, targets),
        }
        for name, way in ways.items():
            started = time.process_time()
            way()
            seconds[name].append(time.process_time() - started)
        counts.append((int(lengths[samples].sum()), targets))
    return {name: speed(of, counts) for name, of in seconds.items()}


def trl_trainer(request: Mapping[str, Any]) -> Speed:
    """TRL's SFTTrainer on the same samples, shuffled its own way."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    asked = TrainRequest.model_validate(request["train"])
    data = TokenizedData.open(Path(asked.data))
    torch.set_num_threads(1)
    rows = [
        {
            "input_ids": data.tokens(sample).tolist(),
            "labels": np.where(data.supervised(sample) == 1, data.tokens(sample), -100).tolist(),
        }
        for sample in range(len(data))
    ]
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    chosen = asked.hyperparameters
    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(asked.model, dtype=torch.float32),
        args=SFTConfig(
            output_dir=asked.folder, per_device_train_batch_size=chosen.global_batch, use_cpu=True, bf16=False,
            num_train_epochs=chosen.epochs, learning_rate=chosen.learning_rate, max_length=None, report_to=[],
            gradient_checkpointing=False, save_strategy="no", logging_strategy="no", disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=AutoTokenizer.from_pretrained(asked.model),
        callbacks=[Clock()],
    )  # fmt: skip
    trainer.train()
    mean = (data.lengths().mean() * chosen.global_batch, data.supervised_counts().mean() * chosen.global_batch)
    seconds = list(np.diff(ends))
    return speed(seconds, [mean] * len(seconds))


def speed(seconds: list[float], counts: list[tuple[float, float]]) -> Speed:
    """Tokens a second, all and supervised: medians over the warm steps."""
    warm = list(zip(seconds, counts, strict=True))[WARM:-1]
    return {
        "tokens_per_s": statistics.median(count[0] / second for second, count in warm),
        "supervised_tokens_per_s": statistics.median(count[1] / second for second, count in warm),
    }


def ours(request: TrainRequest, workers: int) -> Speed:
    """A phase as CFTRay runs it, from its curve."""
    folder = Path(request.folder)
    LocalWorkers().group(
        train_phase, request.model_dump(mode="json"), size=workers, accelerator=None, name="benchmark"
    )
    lines = [json.loads(line) for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]
    return speed(
        [line["seconds"] for line in lines], [(line["tokens"], line["supervised_tokens"]) for line in lines]
    )


def prepare(folder: Path, steps: int) -> TrainRequest:
    """Samples of 20 to 140 tokens, two thirds supervised; the mini base, or a random model of its shape."""
    model = MINI_BASE
    if not (model / "model.safetensors").exists():
        raise SystemExit(f"{model} holds no model; make the miniature world first")
    drawn = np.random.default_rng(0)
    vocabulary = json.loads((model / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    writer = TokenizedWriter(folder / "data")
    for _ in range(steps * 16):
        length = int(drawn.integers(20, 140))
        writer.add(drawn.integers(5, vocabulary, length), np.arange(length) >= length // 3, "en")
    writer.close()
    return TrainRequest(
        folder=str(folder), model=str(model), data=str(folder / "data"), stop=str(folder / "stop"),
        hyperparameters=Hyperparameters(learning_rate=1e-4, epochs=1, global_batch=16, max_length=256),
        seed=1, zero_stage=0, micro_batch_tokens=8192, checkpoint=CheckpointPolicy(every_minutes=None),
    )  # fmt: skip


def main() -> None:
    """Measure and print the table."""
    from benchmarks import training as here

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--without-trl", action="store_true")
    asked = parser.parse_args()
    table: dict[str, list[Speed]] = {}
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        request = prepare(Path(temporary), asked.steps)
        plain = request.model_dump(mode="json")
        for _ in range(asked.rounds):
            found = LocalWorkers().call(here.alternate, plain, accelerator=None, name="alternate")
            for name, figures in found.items():
                table.setdefault(name, []).append(figures)
            if not asked.without_trl:
                found = LocalWorkers().call(here.trl_trainer, {"train": plain}, accelerator=None, name="trl")
                table.setdefault("TRL SFTTrainer", []).append(found)
            for stage in (0, 1, 2, 3):
                staged = request.model_copy(update={"zero_stage": stage})
                table.setdefault(f"CFTRay, 2 workers, ZeRO {stage}", []).append(ours(staged, 2))
    reference = _median(table[BARE], "tokens_per_s")
    print(f"{'':32} {'tokens/s':>10} {'supervised/s':>13} {'to bare loop':>13}")
    for name, rounds in table.items():
        total, supervised = (_median(rounds, key) for key in ("tokens_per_s", "supervised_tokens_per_s"))
        print(f"{name:32} {total:10.0f} {supervised:13.0f} {total / reference:13.2f}")


def _median(rounds: list[Speed], key: str) -> float:
    return statistics.median(round_[key] for round_ in rounds)


if __name__ == "__main__":
    main()
