"""A small Mistral-architecture model and byte-level BPE tokenizer for files of one's own.

    python examples/own_files/make_model.py --data alpaca.json --data alpaca_de.json --out model

The weights are random: the example shows the way from one's own files to a report, not an effect.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, MistralConfig, MistralForCausalLM, PreTrainedTokenizerFast, set_seed

from cftray.data.reading.reader import Reader
from cftray.plan import RowsSource

VOCABULARY = 4096
LENGTH = 512


def main() -> None:
    """Train the tokenizer on the files, make the model, save both as one model folder."""
    parser = argparse.ArgumentParser(description="A small model and tokenizer for files in Alpaca's format.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a .json or .jsonl file; repeatable")
    parser.add_argument("--out", type=Path, required=True, help="the model folder to make")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    tokenizer = make_tokenizer(given.data)
    model = make_model(tokenizer, given.seed)
    tokenizer.save_pretrained(given.out)
    model.save_pretrained(given.out)
    size = sum(one.numel() for one in model.parameters())
    print(f"{given.out}: {size:,} parameters, {len(tokenizer):,} tokens")


def make_tokenizer(files: list[Path]) -> PreTrainedTokenizerFast:
    """Byte-level BPE: every text of every language can be written in it."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(_texts(files), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="</s>")


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> MistralForCausalLM:
    """About 1.5 million parameters: hidden size 128, 4 layers, 4 heads, 2 key/value heads."""
    set_seed(seed)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=LENGTH,
        sliding_window=None,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.eos_token_id,
        **ends,
    )
    model = MistralForCausalLM(config)
    model.generation_config = GenerationConfig(pad_token_id=tokenizer.eos_token_id, **ends)
    return model


def _texts(files: list[Path]) -> Iterator[str]:
    for path in files:
        for row in Reader(RowsSource(language="und")).rows([path]):
            yield f"{row.instruction}\n{row.input}\n{row.output}"


if __name__ == "__main__":
    main()
