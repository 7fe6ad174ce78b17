"""Speed of the batched pass beside a loop over prompts: `python -m benchmarks.representations`.

One model, the same prompts, one thread. (1) What a person would write: transformers' `output_hidden_states`, prompt by
prompt, the mean over tokens. (2) The stage's own `Forward` over its batches, its files included. Both in one process,
in turn, told in tokens a second of CPU time, which other processes disturb less than the clock; medians over rounds.
The model is the miniature's base, or a random one of a given shape, whose weights say nothing and cost the same.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cftray.analysis.activations import Prompt, compose, part_file, passing, tokenised
from cftray.analysis.prompts import read_prompts
from cftray.spec.analysis import FilePrompts, ForwardSettings, MiniPrompts
from cftray.spec.model import MINI_BASE
from cftray.store import locate_model

LOOP, BATCHED = "prompt by prompt, output_hidden_states", "CFTRay, batches"


def random_model(folder: Path, layers: int, width: int) -> Path:
    """A Mistral of that shape with the miniature's vocabulary."""
    from transformers import MistralConfig, MistralForCausalLM

    config = MistralConfig(
        vocab_size=1887, hidden_size=width, intermediate_size=3 * width, num_hidden_layers=layers,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=512, sliding_window=None,
    )  # fmt: skip
    MistralForCausalLM(config).save_pretrained(folder)
    return folder


def one_by_one(model: Any, prompts: Sequence[Prompt]) -> np.ndarray:
    """[prompts, layers + 1, width], as a notebook would."""
    import torch

    found = []
    with torch.no_grad():
        for prompt in prompts:
            states = model(torch.tensor([prompt.tokens]), output_hidden_states=True).hidden_states
            found.append(torch.stack([layer[0].mean(dim=0) for layer in states]).numpy())
    return np.stack(found)


def in_batches(forward: Any, prompts: Sequence[Prompt], size: int) -> np.ndarray:
    """The same through the stage's own worker."""
    batches = compose(prompts, size)
    for number, batch in enumerate(batches):
        forward({"number": number, "tokens": [one.tokens for one in batch], "counted": [one.counted for one in batch]})
    whole: np.ndarray = np.concatenate([np.load(part_file(forward.folder, number)) for number in range(len(batches))])
    places = [one.place for batch in batches for one in batch]
    return whole[np.argsort(places)]


def measured(way: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """CPU seconds, and what came of it."""
    started = time.process_time()
    found = way()
    return time.process_time() - started, found


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--prompts", type=Path, help="an MT-Bench question file; the miniature's requests where left out"
    )
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--layers", type=int, help="a random model of so many layers instead of the miniature's base")
    parser.add_argument("--width", type=int, default=512)
    asked = parser.parse_args()
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    base = locate_model(MINI_BASE)
    with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
        home = Path(temporary)
        model = random_model(home / "model", asked.layers, asked.width) if asked.layers else base
        wanted = FilePrompts(count=asked.count) if asked.prompts else MiniPrompts(count=asked.count)
        prompts = tokenised(read_prompts(wanted, asked.prompts), ForwardSettings(), base, 512)
        loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
        request = {"model": str(model), "folder": str(home), "stop": str(home / "stop"), "precision": "fp32",
                   "last_layer": "normed"}  # fmt: skip
        forward = passing(request)
        one_by_one(loaded, prompts[:2])
        in_batches(forward, prompts[:2], 2)
        rounds = []
        for _ in range(asked.rounds):
            loop, first = measured(lambda: one_by_one(loaded, prompts))
            batched, second = measured(lambda: in_batches(forward, prompts, asked.batch))
            np.testing.assert_allclose(second, first, rtol=1e-3, atol=1e-4)
            rounds.append((loop, batched))
    tokens = sum(len(one.tokens) for one in prompts)
    print(f"{len(prompts)} prompts, {tokens} tokens, batches of {asked.batch}, model {asked.layers or 6} layers")
    for place, name in enumerate((LOOP, BATCHED)):
        rate = statistics.median(tokens / one[place] for one in rounds)
        print(f"{name:42} {rate:10.0f} tokens/s {statistics.median(one[0] / one[place] for one in rounds):6.2f}")


if __name__ == "__main__":
    main()
