"""lm-eval's model over one that is loaded already, answering one batch of tokens as it was composed.

Prompts are tokens by now, checked and cut when they were made. Counted here, since it happens in silence
otherwise: answers that stopped only because their length was used up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import handle_stop_sequences, normalize_gen_kwargs, postprocess_generated_text

from cftray.evaluation.narrowing import generate

ALL_OF_IT = 1 << 30
"""A batch size under which lm-eval never parts a batch that it is given."""


class BatchLM(HFLM):
    """HFLM that takes batches of tokens and leaves them whole."""

    def __init__(self, model: Any, tokenizer: Any, context_length: int) -> None:
        """`model` generates as its generation_config says; `context_length` in tokens."""
        super().__init__(
            pretrained=model,
            tokenizer=tokenizer,
            backend="causal",
            batch_size=ALL_OF_IT,
            max_length=context_length,
            softmax_dtype="float32",
        )

    def likelihoods(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[tuple[float, bool]]:
        """(log-probability of the continuation, whether it is the likeliest) of each (context, continuation)."""
        requests = [(("", ""), context, continuation) for context, continuation in pairs]
        return list(self._loglikelihood_tokens(requests, disable_tqdm=True))

    def answers(self, prompts: Sequence[Sequence[int]], settings: Mapping[str, Any]) -> list[tuple[str, bool]]:
        """(answer, whether only its length ended it) of each prompt, those of HFLM's `generate_until`.

        Prompts are padded on the left. `settings` are a task's generation_kwargs.
        """
        import torch

        kwargs = normalize_gen_kwargs(dict(settings), self.max_gen_toks)
        until = handle_stop_sequences(kwargs.pop("until", None), eos=self._eos())
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, tokens in enumerate(prompts):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        most = longest + kwargs.pop("max_gen_toks")
        made = generate(
            self.model,
            self.tokenizer,
            ids.to(self.device),
            mask.to(self.device),
            stop=until,
            most=most,
            settings={name: value for name, value in kwargs.items() if name != "temperature"},
        )
        return [
            (
                postprocess_generated_text(generation=self.tok_decode(one), stop=until, think_end_token=None),
                len(one) >= most - longest and not self._ended(one, until),
            )
            for one in made
        ]

    def _eos(self) -> str:
        return str(self.tok_decode(self.eot_token_id, skip_special_tokens=False))

    def _ended(self, tokens: list[int], stop: Sequence[str]) -> bool:
        ends = self.model.generation_config.eos_token_id
        if not set(ends if isinstance(ends, list) else [ends]).isdisjoint(tokens):
            return True
        text = self.tok_decode(tokens, skip_special_tokens=False)
        return any(one and one in text for one in stop)
