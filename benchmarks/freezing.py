"""What freezing costs: `python -m benchmarks.freezing`.

The same steps of one model, in one process, step by step in turn, by one engine each: all trained, LF_H1,
LF_H2 and LoRA, under one ZeRO stage. Counted are CPU seconds of the one thread, which other processes
disturb less than the clock; the ratio to full training is the median over pairs of the same step. Then the
time in which LF_H2 chooses, from two folders of bf16 weights of Llama 3 8B's shape but fewer layers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.training import MINI_BASE, WARM, prepare
from cftray.data.order import steps_of
from cftray.data.packing import micro_batches
from cftray.data.tokenized import TokenizedData
from cftray.spec.mitigation import LowRank
from cftray.training.local_workers import LocalWorkers
from cftray.training.request import TrainRequest

FULL = "all trained"
WIDTH, HEAD_DIM, QUERY_HEADS, KEY_HEADS = 4096, 128, 32, 8


def alternate(work: Mapping[str, Any]) -> dict[str, dict[str, list[float]]]:
    """By way: CPU `seconds` of each step, and the number of parameters `trained`."""
    import torch

    from cftray.training.engine import Engine, configuration, join_group
    from cftray.training.freezing import add_lora
    from cftray.training.frozen import Selection
    from cftray.training.model import load

    join_group()
    asked = TrainRequest.model_validate(work["request"])
    partition = configuration(asked) if asked.zero_stage == 3 else None
    engines, found = {}, {}
    for name, changes in work["ways"].items():
        request = TrainRequest.model_validate({**work["request"], **changes})
        selection = Selection.read(Path(request.frozen)) if request.frozen else None
        module = load(
            Path(request.model), request.hyperparameters.precision, torch.device("cpu"), partition, selection
        )  # fmt: skip
        if request.lora is not None:
            add_lora(module.model, request.lora, request.seed)
        sizes = [getattr(one, "ds_numel", one.numel()) for one in module.parameters() if one.requires_grad]
        engines[name] = Engine(module, request)
        found[name] = {"seconds": [], "trained": [float(sum(sizes))]}
    data = TokenizedData.open(Path(asked.data))
    lengths, supervised = data.lengths(), data.supervised_counts()
    order = steps_of(lengths, asked.hyperparameters, asked.seed)
    for step in range(len(order)):
        samples = order[step]
        batches = micro_batches(data, samples, lengths, rank=0, ranks=1, bound=asked.micro_batch_tokens)
        for name, engine in engines.items():
            started = time.process_time()
            engine.step(batches, int(supervised[samples].sum()), 1e-4)
            found[name]["seconds"].append(time.process_time() - started)
    return found


def choose(work: Mapping[str, Any]) -> dict[str, float]:
    """Seconds by the clock in which LF_H2 chooses between two random models of `layers`, and bytes read."""
    import torch
    from safetensors.torch import save_file

    from cftray.training.selecting import select

    folder = Path(work["folder"])
    config = {
        "num_hidden_layers": work["layers"], "hidden_size": WIDTH, "head_dim": HEAD_DIM,
        "num_attention_heads": QUERY_HEADS, "num_key_value_heads": KEY_HEADS,
    }  # fmt: skip
    rows = {"q": QUERY_HEADS * HEAD_DIM, "k": KEY_HEADS * HEAD_DIM, "v": KEY_HEADS * HEAD_DIM}
    for name in ("base", "model"):
        tensors = {
            f"model.layers.{layer}.self_attn.{projection}_proj.weight": torch.randn(height, WIDTH).bfloat16()
            for layer in range(work["layers"])
            for projection, height in rows.items()
        }
        (folder / name).mkdir()
        save_file(tensors, folder / name / "model.safetensors")
        (folder / name / "config.json").write_text(json.dumps(config), encoding="utf-8")
    request = {"base": str(folder / "base"), "model": str(folder / "model"), "folder": str(folder),
               "stop": str(folder / "stop"), "method": "lf_h2", "k": None, "seed": None}  # fmt: skip
    started = time.perf_counter()
    select(request)
    size = (folder / "base" / "model.safetensors").stat().st_size
    return {"seconds": time.perf_counter() - started, "bytes": 2.0 * size}


def select_from(work: Mapping[str, Any]) -> None:
    """Selections by `lf_h1` and `lf_h2` from the base and a copy of it with noise, in folders of their own."""
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from cftray.training.selecting import select

    folder = Path(work["folder"])
    shutil.copytree(MINI_BASE, folder / "p1")
    weights = load_file(MINI_BASE / "model.safetensors")
    torch.manual_seed(0)
    moved = {name: tensor + 0.01 * torch.randn_like(tensor) for name, tensor in weights.items()}
    save_file(moved, folder / "p1" / "model.safetensors", metadata={"format": "pt"})
    for method, seed in (("lf_h1", 1), ("lf_h2", None)):
        (folder / method).mkdir()
        select({"base": str(MINI_BASE), "model": str(folder / "p1"), "folder": str(folder / method),
                "stop": str(folder / "stop"), "method": method, "k": None, "seed": seed})  # fmt: skip


def main() -> None:
    """Measure and print."""
    from benchmarks import freezing as here

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--layers", type=int, default=8, help="of the models that the selection reads")
    parser.add_argument("--zero-stage", type=int, default=0, choices=(0, 1, 2, 3))
    asked = parser.parse_args()
    workers = LocalWorkers()
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        folder = Path(temporary)
        request = prepare(folder, asked.steps).model_copy(update={"zero_stage": asked.zero_stage})
        workers.call(here.select_from, {"folder": str(folder)}, accelerator=None, name="select")
        ways: dict[str, dict[str, Any]] = {
            FULL: {},
            "LF_H1": {"frozen": str(folder / "lf_h1" / "selection.json")},
            "LF_H2": {"frozen": str(folder / "lf_h2" / "selection.json")},
            "LoRA, rank 64": {"lora": LowRank().model_dump(mode="json")},
        }
        work = {"request": request.model_dump(mode="json"), "ways": ways}
        found = workers.call(here.alternate, work, accelerator=None, name="alternate")
        chosen = workers.call(
            here.choose, {"folder": str(folder), "layers": asked.layers}, accelerator=None, name="choose"
        )
    title = f"ZeRO {asked.zero_stage}"
    print(f"{title:16} {'parameters trained':>18} {'CPU s a step':>13} {'to all trained':>15}")
    full = found[FULL]["seconds"][WARM:-1]
    for name, figures in found.items():
        seconds = figures["seconds"][WARM:-1]
        ratio = statistics.median(one / other for one, other in zip(seconds, full, strict=True))
        print(f"{name:16} {figures['trained'][0]:18,.0f} {statistics.median(seconds):13.4f} {ratio:15.3f}")
    rate = chosen["bytes"] / chosen["seconds"] / 1e6
    print(f"LF_H2 chose among {asked.layers} layers of width {WIDTH} in {chosen['seconds']:.1f} s ({rate:.0f} MB/s)")


if __name__ == "__main__":
    main()
