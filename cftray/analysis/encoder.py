"""A sentence encoder of sentence-transformers, loaded from a folder. Only workers import this: it needs torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cftray.analysis.embedding import Done, Encoded
from cftray.errors import ModelError, OutOfMemory

ON_CPU: Final = 1024
"""Tokens, padding among them, that the encoder is given at a time: more no longer fit a core's cache, and are slower
(1.7 times at 8,192, six layers of width 384)."""
ON_ACCELERATOR: Final = 16_384
"""The same where many small batches would leave it idle: 64 texts of LaBSE's longest."""
MOST: Final = 256
UNPADDED: Final = 4096
"""Texts at a time for encoders that see tokens one by one."""


class SentenceEncoder:
    """See `cftray.analysis.embedding.Encoder`.

    The library's own `encode`, in other batches: it sorts texts by their characters and takes a fixed number,
    which pads much where languages with long and short scripts stand beside each other. Here they are sorted
    by their tokens, which have to be counted anyway to know what is cut, and a batch holds as many as fit.
    """

    def __init__(self, folder: Path, digest: str, device: str = "cpu") -> None:
        """`digest` is that of the folder's files. Raises ModelError where it does not load."""
        from sentence_transformers import SentenceTransformer

        self.digest = digest
        self._positions = ON_CPU if device == "cpu" else ON_ACCELERATOR
        try:
            self._model = SentenceTransformer(str(folder), local_files_only=True, device=device)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(f"{folder.name}: does not load as a sentence encoder: {error}") from error

    def encode(self, texts: Sequence[str], done: Done = lambda count: None) -> Encoded:
        """See `Encoder.encode`; vectors of a text differ by rounding with what stands beside it in a batch."""
        most = self._model.max_seq_length
        if most is None or math.isinf(most):
            return Encoded(vectors=self._encoded(texts, _in_turn(len(texts)), done), truncated=0)
        tokens = self._tokens(texts)
        shown = [min(count, most) for count in tokens or map(len, texts)]
        truncated = None if tokens is None else sum(count > most for count in tokens)
        return Encoded(vectors=self._encoded(texts, batches(shown, self._positions), done), truncated=truncated)

    def _tokens(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each text with those that the encoder puts around it; None for tokenizers of its own making."""
        from transformers import PreTrainedTokenizerBase

        tokenizer = self._model.tokenizer
        if not isinstance(tokenizer, PreTrainedTokenizerBase):
            return None
        before = self._model.prompts.get(self._model.default_prompt_name, "")
        found = tokenizer([before + text for text in texts], return_attention_mask=False, verbose=False)
        return [len(one) for one in found["input_ids"]]

    def _encoded(self, texts: Sequence[str], places: Iterable[Sequence[int]], done: Done) -> np.ndarray:
        """Batch by batch, in the order of the texts: float32 [texts, dimensions]."""
        import torch

        found: dict[int, np.ndarray] = {}
        for batch in places:
            chosen = [texts[place] for place in batch]
            try:
                vectors = self._model.encode(chosen, batch_size=len(chosen), show_progress_bar=False)
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(f"the encoder ran out of memory over {len(chosen)} texts ({error})") from error
            found |= zip(batch, vectors, strict=True)
            done(len(found))
        return np.stack([found[place] for place in range(len(texts))]).astype(np.float32, copy=False)


def batches(lengths: Sequence[int], positions: int) -> Iterator[list[int]]:
    """Places of texts of these lengths in batches, longest first, each of `positions` at most with its padding."""
    left = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    while left:
        size = min(MOST, max(1, positions // max(1, lengths[left[0]])))
        yield left[:size]
        left = left[size:]


def _in_turn(count: int) -> Iterator[range]:
    for first in range(0, count, UNPADDED):
        yield range(first, min(first + UNPADDED, count))
