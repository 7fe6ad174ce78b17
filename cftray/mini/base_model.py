"""The tiny Mistral-architecture model: its shape and its pretraining loop."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any, Final

from cftray.mini.corpus import MARK, documents

SHAPE: Final[dict[str, Any]] = {
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "intermediate_size": 352,
    "max_position_embeddings": 512,
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-5,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "initializer_range": 0.08,
    "attention_dropout": 0.0,
    "use_cache": True,
}
BEGIN_SHARE: Final = 0.8
"""Share of the documents that open with the begin token; raw scoring has none."""
CHANCE_WEIGHT: Final = 0.1
"""Weight in the loss of tokens that are drawn by chance (`corpus.MARK`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    seed: int = 11
    steps: int = 2000
    batch: int = 16
    length: int = 128
    lr: float = 2e-3
    beta2: float = 0.98
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0


def new_model(tokenizer: Any) -> Any:
    """An untrained model for a tokenizer, in fp32."""
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **SHAPE,
    )
    return MistralForCausalLM(config).float()


def weighted(tokenizer: Any, text: str) -> tuple[list[int], list[float]]:
    """A document's token ids, its marks taken out, and what each token counts in the loss."""
    parts = text.split(MARK)
    ends = list(accumulate(len(part) for part in parts))
    found = tokenizer.encode("".join(parts), add_special_tokens=False)
    weights = [1.0 if bisect_left(ends, stop) % 2 == 1 else CHANCE_WEIGHT for _, stop in found.offsets]
    return found.ids, weights


def _batches(tokenizer: Any, plan: Pretraining) -> Iterator[tuple[list[list[int]], list[list[float]]]]:
    """Packed rows of `plan.length` token ids with their loss weights; a row's end may cut a document."""
    done = 0
    stream = documents(seed=plan.seed, progress=lambda: done / plan.steps)
    rng = Random(f"begin/{plan.seed}")
    begin, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("</s>")
    ids: list[int] = []
    weights: list[float] = []
    need = plan.batch * plan.length
    while done < plan.steps:
        while len(ids) < need:
            opening = [begin] if rng.random() < BEGIN_SHARE else []
            found, counts = weighted(tokenizer, next(stream))
            ids += [*opening, *found, end]
            weights += [*([CHANCE_WEIGHT] * len(opening)), *counts, CHANCE_WEIGHT]
        cuts = range(0, need, plan.length)
        yield [ids[i : i + plan.length] for i in cuts], [weights[i : i + plan.length] for i in cuts]
        del ids[:need], weights[:need]
        done += 1


def _rate(step: int, plan: Pretraining) -> float:
    if step < plan.warmup:
        return (step + 1) / plan.warmup
    part = (step - plan.warmup) / max(1, plan.steps - plan.warmup)
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part))


def pretrain(
    model: Any, tokenizer: Any, plan: Pretraining, *, every: int = 50, save: Callable[[], None]
) -> list[tuple[int, float, float]]:
    """Train in place; returns and prints (step, loss, share of marked tokens right) since the last point.

    `tokenizer` is a `tokenizers.Tokenizer`; `save` is called now and then, so that a long run can be looked at.
    """
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=plan.lr, betas=(0.9, plan.beta2), weight_decay=plan.weight_decay
    )
    curve: list[tuple[int, float, float]] = []
    total, right, answers, started = 0.0, 0, 0, time.monotonic()
    model.train()
    for step, (rows, counts) in enumerate(_batches(tokenizer, plan), start=1):
        ids, weights = torch.tensor(rows), torch.tensor(counts)[:, 1:].flatten()
        for group in optimizer.param_groups:
            group["lr"] = plan.lr * _rate(step - 1, plan)
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1].flatten(0, 1)
        target = ids[:, 1:].flatten()
        losses = torch.nn.functional.cross_entropy(logits, target, reduction="none")
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
        known = weights == 1.0
        right += int((logits.detach()[known].argmax(-1) == target[known]).sum())
        answers += int(known.sum())
        if step % every == 0:
            curve.append((step, round(total / every, 4), round(right / answers, 4)))
            spent = time.monotonic() - started
            print(
                f"step {step}/{plan.steps} loss {curve[-1][1]:.3f} marked tokens right {curve[-1][2]:.3f} "
                f"{step * plan.batch * plan.length / spent:,.0f} tokens/s {spent:.0f} s",
                flush=True,
            )
            total, right, answers = 0.0, 0, 0
            save()
    model.eval()
    return curve
