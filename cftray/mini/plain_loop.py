"""Fine-tuning and evaluation in plain PyTorch: no workers, no DeepSpeed, no service.

What the platform's own training should come near, and the quickest way to look at an effect.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from cftray.data.rows import Row
from cftray.mini import defaults
from cftray.mini.pack import TASKS, TASKS_FOLDER

MICRO_SAMPLES: Final = 8
"""Samples of one step that are padded together, longest with longest."""

Encoded = tuple[list[int], list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    lr: float
    samples: int = defaults.SAMPLES
    epochs: int = defaults.EPOCHS
    batch: int = defaults.GLOBAL_BATCH
    warmup: int = defaults.WARMUP


def load(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def encode(tokenizer: Any, rows: list[Row]) -> list[Encoded]:
    """(prompt ids, response ids) through the chat template."""
    encoded = []
    for row in rows:
        user = f"{row.instruction}\n{row.input}" if row.input else row.instruction
        system = [{"role": "system", "content": row.system}] if row.system else []
        asked = [*system, {"role": "user", "content": user}]
        prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        ids = [tokenizer.encode(part, add_special_tokens=False) for part in (prompt, row.output)]
        encoded.append((ids[0], [*ids[1], tokenizer.eos_token_id]))
    return encoded


def _padded(batch: list[Encoded], pad: int) -> tuple[Any, Any, Any]:
    import torch

    width = max(len(a) + len(b) for a, b in batch)
    ids = [[*a, *b, *[pad] * (width - len(a) - len(b))] for a, b in batch]
    labels = [[*[-100] * len(a), *b, *[-100] * (width - len(a) - len(b))] for a, b in batch]
    mask = [[1] * (len(a) + len(b)) + [0] * (width - len(a) - len(b)) for a, b in batch]
    return torch.tensor(ids), torch.tensor(labels), torch.tensor(mask)


def _order(samples: int, epochs: int, seed: int) -> list[int]:
    """One stream of sample numbers, shuffled anew in each epoch."""
    stream: list[int] = []
    for epoch in range(epochs):
        indices = list(range(samples))
        Random(f"{seed}/{epoch}").shuffle(indices)
        stream += indices
    return stream


def train(model: Any, tokenizer: Any, rows: list[Row], phase: Phase, *, seed: int) -> dict[str, float]:
    """Full fine-tuning in place with AdamW and a cosine; the loss is on responses alone."""
    import torch

    samples = encode(tokenizer, rows)
    stream = _order(len(samples), phase.epochs, seed)
    steps = math.ceil(len(stream) / phase.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=phase.lr, betas=(0.9, 0.999), weight_decay=0.0)
    started, tokens, last = time.monotonic(), 0, 0.0
    model.train()
    for step in range(steps):
        rate = min(1.0, (step + 1) / phase.warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = phase.lr * rate
        chosen = [samples[index] for index in stream[step * phase.batch : (step + 1) * phase.batch]]
        chosen.sort(key=lambda pair: len(pair[0]) + len(pair[1]))
        supervised = sum(len(response) for _, response in chosen)
        last = 0.0
        for begin in range(0, len(chosen), MICRO_SAMPLES):
            ids, labels, mask = _padded(chosen[begin : begin + MICRO_SAMPLES], tokenizer.pad_token_id)
            logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
            total = torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum"
            )
            (total / supervised).backward()
            last += total.item() / supervised
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += sum(len(a) + len(b) for a, b in chosen)
    model.eval()
    return {"seconds": time.monotonic() - started, "tokens": tokens, "steps": steps, "loss": last}


def evaluate(model: Any, tokenizer: Any) -> dict[str, float]:
    """Every task of the pack through lm-eval: score by task name."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(TASKS_FOLDER), include_defaults=False)
    wrapped = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=defaults.EVALUATION_BATCH, device="cpu")
    scores: dict[str, float] = {}
    for chat in (True, False):
        tasks = [task for task in TASKS if task.chat is chat]
        found = simple_evaluate(
            model=wrapped,
            tasks=[task.task for task in tasks],
            task_manager=manager,
            apply_chat_template=chat,
            bootstrap_iters=0,
            log_samples=False,
        )
        assert found is not None
        scores |= {task.task: found["results"][task.task][f"{task.metric},none"] for task in tasks}
    return scores


def suite_means(scores: dict[str, float]) -> dict[str, float]:
    """TA and LA: means over benchmarks, each of them a mean over its languages."""
    means: dict[str, float] = {}
    for suite in ("ta", "la"):
        by_benchmark: dict[str, list[float]] = {}
        for task in TASKS:
            if task.suite == suite:
                by_benchmark.setdefault(task.benchmark, []).append(scores[task.task])
        each = {name: sum(values) / len(values) for name, values in by_benchmark.items()}
        means |= each | {suite: sum(each.values()) / len(each)}
    return means
