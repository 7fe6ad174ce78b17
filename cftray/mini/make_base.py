"""Remake the base model: `python -m cftray.mini.make_base [--out DIR] [--steps N]`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cftray.mini.base_model import Pretraining, new_model, pretrain
from cftray.mini.datasets import DATA_VERSION
from cftray.mini.tokenizer import build, wrap

BASE = Path(__file__).parent / "base"


def write_tokenizer(folder: Path) -> Any:
    """Save the tokenizer with its chat template inside `tokenizer_config.json`."""
    tokenizer = wrap()
    tokenizer.save_pretrained(folder, save_jinja_files=False)
    return tokenizer


def make(folder: Path, plan: Pretraining) -> dict[str, Any]:
    """Pretrain and write everything a loader needs; returns the record."""
    import torch
    from transformers import GenerationConfig

    torch.manual_seed(plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = write_tokenizer(folder)
    model = new_model(tokenizer)
    started = time.monotonic()
    curve = pretrain(model, build(), plan, save=lambda: model.save_pretrained(folder))
    seconds = round(time.monotonic() - started, 1)
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
    )
    model.save_pretrained(folder)
    record = {
        "command": f"python -m cftray.mini.make_base --seed {plan.seed} --steps {plan.steps}",
        "data": f"cftray.mini.corpus, data version {DATA_VERSION}",
        "plan": dataclasses.asdict(plan),
        "tokens": plan.steps * plan.batch * plan.length,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": len(tokenizer),
        "curve_step_loss_marked_right": curve,
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "packages": {name: version(name) for name in ("torch", "transformers", "tokenizers")},
        "python": platform.python_version(),
    }
    (folder / "RECORD.json").write_text(json.dumps(record, indent=2) + "\n")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=BASE)
    parser.add_argument("--seed", type=int, default=Pretraining().seed)
    parser.add_argument("--steps", type=int, default=Pretraining().steps)
    given = parser.parse_args()
    record = make(given.out, Pretraining(seed=given.seed, steps=given.steps))
    print(json.dumps({key: record[key] for key in ("parameters", "tokens", "seconds")}))


if __name__ == "__main__":
    main()
