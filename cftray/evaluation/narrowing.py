"""Greedy answers of a batch that grows narrower as its sequences end.

`generate` carries every sequence along until the last one ends. Here it is left once half of them have, and goes on
with the others and what the model has computed of them, so that a batch with one long answer costs little more than
that answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lm_eval.models.utils_hf import stop_sequences_criteria
from transformers import StoppingCriteria, StoppingCriteriaList

FEWEST = 4
"""Sequences up to which a batch is not made narrower: entering `generate` again costs more than it saves."""


class HalfEnded(StoppingCriteria):
    """Ends a round of `generate` once half of its sequences have ended, by a token of `ends` or a string of `stop`.

    `ended`, (sequences) bool, tells which have.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str], ends: torch.Tensor, start: int, rows: int) -> None:
        """`start` is the length of the prompts in tokens; `ends` is (tokens)."""
        self.strings = stop_sequences_criteria(tokenizer, list(stop), start, rows)
        self.ends = ends
        self.ended = torch.zeros(rows, dtype=torch.bool, device=ends.device)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        """(sequences) bool: all of them where the round is over, else those that ended."""
        self.ended |= torch.isin(input_ids[:, -1], self.ends)
        for one in self.strings:
            one(input_ids, scores)
            self.ended |= torch.tensor(one.done_tracker, device=self.ended.device)
        rows = len(self.ended)
        over = rows > FEWEST and 2 * int(self.ended.sum()) >= rows
        return torch.ones_like(self.ended) if over else self.ended.clone()


def generate(
    model: Any,
    tokenizer: Any,
    ids: torch.Tensor,
    mask: torch.Tensor,
    *,
    stop: Sequence[str],
    most: int,
    settings: Mapping[str, Any],
) -> list[list[int]]:
    """The tokens made behind each prompt, in the prompts' order, at least up to the answer's end.

    `ids` and `mask` are (sequences, tokens), padded on the left; `most` is the length of prompt and answer together at
    which an answer is cut. `settings` go to the model's `generate`.
    """
    start = ids.shape[1]
    ends = model.generation_config.eos_token_id
    end_tokens = torch.tensor(ends if isinstance(ends, list) else [ends], device=ids.device)
    made: list[list[int]] = [[] for _ in range(len(ids))]
    places = torch.arange(len(ids), device=ids.device)
    cache: Any = None
    while len(places):
        half = HalfEnded(tokenizer, stop, end_tokens, start, len(places))
        found = model.generate(
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            max_length=most,
            stopping_criteria=StoppingCriteriaList([half]),
            pad_token_id=tokenizer.pad_token_id,
            use_cache=True,
            return_dict_in_generate=True,
            **settings,
        )
        whole = found.sequences
        over = half.ended if whole.shape[1] < most else torch.ones_like(half.ended)
        for place, tokens in zip(places[over].tolist(), whole[over, start:].tolist(), strict=True):
            made[place] = tokens
        left = (~over).nonzero().squeeze(1)
        cache = _narrowed(found.past_key_values, left)
        mask = torch.cat([mask, mask.new_ones(len(mask), whole.shape[1] - ids.shape[1])], dim=1)[left]
        ids, places = whole[left], places[left]
    return made


def _narrowed(cache: Any, rows: torch.Tensor) -> Any:
    """What the model keeps of these sequences; None, whereupon it reads them again, where its kind can't be parted."""
    layers = getattr(cache, "layers", None)
    if not layers or not len(rows) or not all(hasattr(one, "batch_select_indices") for one in layers):
        return None
    cache.batch_select_indices(rows)
    return cache
