"""Tokenising and packing beside what a person would use instead: `python -m benchmarks.data --alpaca FILE`.

The same rows through (1) the tokenize stage's code and (2) `datasets.map` with a plain function, by row
or by batch, which formats Alpaca's prompt, tokenises the whole once and masks by its offsets, or
tokenises prompt and whole apart, as Stanford Alpaca and TRL do. Ways take turns on the same portion of
rows in one process without the tokenizer's threads, so processor seconds are those of one core; rows
are already in memory, arrays and Arrow files are written. Ratios are medians over pairs. Then the
positions that hold no token of the data: padded batches, our steps in linear layers and in attention.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from benchmarks.training import MINI_BASE
from cftray.data.order import Steps
from cftray.data.packing import micro_batches
from cftray.data.reading.reader import Reader
from cftray.data.rows import Row
from cftray.data.templates import ALPACA, ChatTemplate
from cftray.data.tokenize import Counts, _batched, _encoded
from cftray.data.tokenized import TokenizedData, TokenizedWriter
from cftray.plan import RowsSource

OURS = "CFTRay"
GLOBAL_BATCH, MAX_LENGTH = 16, 512
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
)
WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:\n"
)


def by_offsets(tokenizer: Any) -> Callable[[dict[str, str]], dict[str, Any]]:
    """The whole tokenised once, masked by its offsets."""

    def plain(row: dict[str, str]) -> dict[str, Any]:
        prompt = "<s>" + (WITH_INPUT if row["input"] else WITHOUT_INPUT).format(**row)
        found = tokenizer(
            prompt + row["output"] + "</s>", add_special_tokens=False, return_offsets_mapping=True,
            truncation=True, max_length=MAX_LENGTH,
        )  # fmt: skip
        ids, offsets = found["input_ids"], found["offset_mapping"]
        labels = [one if start >= len(prompt) else -100 for one, (start, _) in zip(ids, offsets, strict=True)]
        return {"input_ids": ids, "labels": labels}

    return plain


def by_batch(tokenizer: Any) -> Callable[[dict[str, list[str]]], dict[str, Any]]:
    """The same for a thousand rows at a time."""

    def plain(rows: dict[str, list[str]]) -> dict[str, Any]:
        asked = zip(rows["instruction"], rows["input"], strict=True)
        prompts = ["<s>" + (WITH_INPUT if two else WITHOUT_INPUT).format(instruction=one, input=two)
                   for one, two in asked]  # fmt: skip
        texts = [prompt + output + "</s>" for prompt, output in zip(prompts, rows["output"], strict=True)]
        found = tokenizer(
            texts, add_special_tokens=False, return_offsets_mapping=True, truncation=True, max_length=MAX_LENGTH
        )
        labels = [
            [one if start >= len(prompt) else -100 for one, (start, _) in zip(ids, offsets, strict=True)]
            for prompt, ids, offsets in zip(prompts, found["input_ids"], found["offset_mapping"], strict=True)
        ]
        return {"input_ids": found["input_ids"], "labels": labels}

    return plain


def apart(tokenizer: Any) -> Callable[[dict[str, str]], dict[str, Any]]:
    """Prompt and whole tokenised apart; the mask is as long as the prompt alone."""

    def plain(row: dict[str, str]) -> dict[str, Any]:
        prompt = "<s>" + (WITH_INPUT if row["input"] else WITHOUT_INPUT).format(**row)
        cut = {"add_special_tokens": False, "truncation": True, "max_length": MAX_LENGTH}
        ids = tokenizer(prompt + row["output"] + "</s>", **cut)["input_ids"]
        masked = len(tokenizer(prompt, **cut)["input_ids"])
        return {"input_ids": ids, "labels": [-100] * masked + ids[masked:]}

    return plain


def ours(rows: Sequence[Row], template: ChatTemplate, tokenizer: Tokenizer, folder: Path) -> None:
    """What the tokenize stage does with rows."""
    writer, counts = TokenizedWriter(folder), Counts()
    for batch in _batched(rows):
        writer.extend(*_encoded(batch, template, tokenizer, MAX_LENGTH, counts))
    writer.close()


def compare(rows: Sequence[Row], tokenizer: Tokenizer, folder: Path, portions: int) -> dict[str, list[float]]:
    """Processor seconds a row of each way, portion by portion; the first portion warms up and is left out."""
    from datasets import Dataset, disable_progress_bars
    from transformers import PreTrainedTokenizerFast

    disable_progress_bars()
    template = ChatTemplate(ALPACA, bos_token="<s>", eos_token="</s>")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    ways = {
        "datasets.map by row, offsets": (by_offsets(fast), False),
        "datasets.map by batch, offsets": (by_batch(fast), True),
        "datasets.map by row, prompt and whole apart": (apart(fast), False),
    }
    seconds: dict[str, list[float]] = {OURS: [], **{name: [] for name in ways}}
    for number, portion in enumerate(np.array_split(np.arange(len(rows)), portions)):
        chosen = [rows[place] for place in portion]
        fields = ("instruction", "input", "output")
        plain = Dataset.from_list([{name: getattr(row, name) for name in fields} for row in chosen])
        started = time.process_time()
        ours(chosen, template, tokenizer, folder / f"ours{number}")
        seconds[OURS].append((time.process_time() - started) / len(chosen))
        for place, (name, (function, batched)) in enumerate(ways.items()):
            target = str(folder / f"{number}.{place}.arrow")
            started = time.process_time()
            plain.map(function, batched=batched, cache_file_name=target, remove_columns=plain.column_names)
            seconds[name].append((time.process_time() - started) / len(chosen))
    return {name: of[1:] for name, of in seconds.items()}


def useful(folder: Path, bound: int) -> Iterator[tuple[str, float]]:
    """Shares of positions that hold a token of the data, over an epoch of steps of GLOBAL_BATCH samples."""
    import torch

    from cftray.training.attention import Layout

    data = TokenizedData.open(folder)
    lengths, order = data.lengths(), Steps(len(data), 1, GLOBAL_BATCH, seed=1)
    real = padded = laid = attended = 0
    for step in range(len(order)):
        samples = order[step]
        real += int(lengths[samples].sum())
        padded += len(samples) * int(lengths[samples].max())
        for batch in micro_batches(data, samples, lengths, rank=0, ranks=1, bound=bound):
            laid += len(batch.input_ids)
            layout = Layout(batch.boundaries, torch.device("cpu"))
            attended += sum(part.count * part.longest for part in layout.batches)
    yield f"batches of {GLOBAL_BATCH} padded to their longest", real / padded
    yield "our steps, linear layers", real / laid
    yield "our steps, attention on a CPU", real / attended


def trained(rows: Sequence[Row]) -> Tokenizer:
    """A byte-level BPE of these rows, as Llama 3's and Qwen's are."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=16_000, special_tokens=["<s>", "</s>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator((f"{row.instruction}\n{row.input}\n{row.output}" for row in rows), trainer)
    return tokenizer


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpaca", type=Path, required=True, help="alpaca_data.json of Stanford Alpaca")
    parser.add_argument("--rows", type=int, default=4400, help="drawn from the file")
    parser.add_argument("--portions", type=int, default=11)
    parser.add_argument("--micro-batch-tokens", type=int, default=8192)
    asked = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    every = list(Reader(RowsSource(language="en")).rows([asked.alpaca]))
    rows = [every[place] for place in sorted(random.Random(1).sample(range(len(every)), asked.rows))]
    tokenizers = {
        "the miniature's Unigram": Tokenizer.from_file(str(MINI_BASE / "tokenizer.json")),
        "byte-level BPE": trained(rows),
    }
    for kind, tokenizer in tokenizers.items():
        with tempfile.TemporaryDirectory(prefix="cftray-benchmark-") as temporary:
            folder = Path(temporary)
            found = compare(rows, tokenizer, folder, asked.portions)
            ours(rows, ChatTemplate(ALPACA, bos_token="<s>", eos_token="</s>"), tokenizer, folder / "whole")
            shares = dict(useful(folder / "whole", asked.micro_batch_tokens))
        print(f"{kind:46} {'rows/s a core':>14} {'ours is faster':>15}")
        for name, seconds in found.items():
            ratio = statistics.median(other / own for other, own in zip(seconds, found[OURS], strict=True))
            print(f"{name:46} {1 / statistics.median(seconds):14.0f} {ratio:14.2f}x")
        for name, share in shares.items():
            print(f"{name:46} {share:14.1%} useful")


if __name__ == "__main__":
    main()
