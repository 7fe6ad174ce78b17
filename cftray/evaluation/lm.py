"""lm-eval's model over one that is loaded already, with the guards that keep scores honest.

Before any token reaches the model: never two beginning-of-text tokens, never an end-of-text token
after a prompt. Counted, since both happen in silence otherwise: prompts cut from the left because
they do not fit the context, and answers that stopped only because their length was used up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval.models.huggingface import HFLM

from cftray.data.templates import ChatTemplate
from cftray.errors import ModelError


@dataclass(slots=True)
class Tally:
    """What happened in one task. `truncated` holds the prompts whose answer was cut by length."""

    truncated: set[str] = field(default_factory=set)
    cut_prompts: int = 0
    requests: int = 0


class GuardedLM(HFLM):
    """HFLM for one way of prompting; `chat` and raw prompts need one each over the same model.

    A chat template's text is all of the prompt, as it was in training, so its tokens get no
    beginning-of-text token of the tokenizer's. Raw prompts get what the tokenizer gives any text.
    """

    def __init__(self, model: Any, tokenizer: Any, *, batch_size: int, chat: bool, tick: Callable[[int], None]) -> None:
        """`tick(requests)` is called after each batch with the number answered in this task."""
        super().__init__(
            pretrained=model,
            tokenizer=tokenizer,
            backend="causal",
            batch_size=batch_size,
            add_bos_token=False if chat else None,
            softmax_dtype="float32",
        )
        special = {name: token for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
        self._template = ChatTemplate(tokenizer.chat_template, **special)
        self.tally = Tally()
        self._tick = tick
        self._cut: deque[bool] = deque()
        self.set_cache_hook(_Answers(self))

    def begin(self) -> Tally:
        """A new tally, for the next task."""
        self._cut.clear()
        self.tally = Tally()
        return self.tally

    def answered(self, kind: str, prompt: str) -> None:
        """One request is answered; lm-eval says so in the order in which it generated."""
        self.tally.requests += 1
        if kind == "generate_until" and self._cut.popleft():
            self.tally.truncated.add(prompt)

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """As rows are rendered for training. lm-eval asks for no generation prompt only under a `gen_prefix`."""
        messages = [
            {**one, "instruction": one["content"], "input": ""} if one["role"] == "user" else one
            for one in chat_history
        ]
        if add_generation_prompt:
            return self._template.prompt(messages)
        return str(super().apply_chat_template(messages, add_generation_prompt))

    def generate_until(self, requests: list[Any], disable_tqdm: bool = True) -> list[str]:
        """As HFLM's, without its progress bar: a worker has a progress file."""
        return list(super().generate_until(requests, disable_tqdm=disable_tqdm))

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
        """As HFLM's, without its progress bar."""
        return list(super().loglikelihood(requests, disable_tqdm=disable_tqdm))

    def tok_batch_encode(
        self,
        strings: Sequence[str],
        padding_side: str = "left",
        left_truncate_len: int | None = None,
        truncation: bool = False,
    ) -> tuple[Any, Any]:
        """(token ids, attention mask), each [batch, length], checked and cut to `left_truncate_len`."""
        ids, mask = super().tok_batch_encode(list(strings), padding_side=padding_side, truncation=truncation)
        for prompt, row, seen in zip(strings, ids.tolist(), mask.tolist(), strict=True):
            tokens = [token for token, one in zip(row, seen, strict=True) if one]
            check_prompt(tokens, prompt, self.tokenizer)
            self.tally.cut_prompts += left_truncate_len is not None and len(tokens) > left_truncate_len
        if left_truncate_len is not None:
            ids, mask = ids[:, -left_truncate_len:], mask[:, -left_truncate_len:]
        return ids, mask

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], *args: Any, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        for (prompt, _), context, continuation in requests:
            check_prompt(context, prompt, self.tokenizer)
            self.tally.cut_prompts += len(context) + len(continuation) > self.max_length + 1
        return list(super()._loglikelihood_tokens(requests, *args, **kwargs))

    def _model_call(self, inps: Any, *args: Any, **kwargs: Any) -> Any:
        self._tick(self.tally.requests)
        return super()._model_call(inps, *args, **kwargs)

    def _model_generate(self, context: Any, max_length: int, stop: list[str], **kwargs: Any) -> Any:
        self._tick(self.tally.requests)
        whole = super()._model_generate(context, max_length, stop, **kwargs)
        full = whole.shape[1] >= max_length
        for row in whole[:, context.shape[1] :].tolist():
            self._cut.append(full and not self._ended(row, stop))
        return whole

    def _ended(self, tokens: list[int], stop: list[str]) -> bool:
        if not self._ends().isdisjoint(tokens):
            return True
        text = self.tok_decode(tokens, skip_special_tokens=False)
        return any(one and one in text for one in stop)

    def _ends(self) -> set[int]:
        ends = self.model.generation_config.eos_token_id
        return set(ends if isinstance(ends, list) else [ends])


class _Answers:
    """In the place of lm-eval's cache hook, which hears of each answer."""

    def __init__(self, lm: GuardedLM) -> None:
        self._lm = lm

    def add_partial(self, attr: str, req: Sequence[Any], _result: Any) -> None:
        self._lm.answered(attr, str(req[0]))


def check_prompt(tokens: Sequence[int], prompt: str, tokenizer: Any) -> None:
    """Raises ModelError where `tokens` begin with two beginning-of-text tokens, or where the tokenizer
    has put an end-of-text token after a prompt that does not end so by itself."""
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    if begin is not None and list(tokens[:2]) == [begin, begin]:
        raise ModelError(
            f"the prompt {prompt[:60]!r} begins with two {tokenizer.bos_token}: the template writes one and "
            "the tokenizer another; take it out of the template, or out of the tokenizer's post-processor"
        )
    if end is not None and tokens and tokens[-1] == end and not prompt.rstrip().endswith(str(tokenizer.eos_token)):
        raise ModelError(
            f"the tokenizer puts {tokenizer.eos_token} after the prompt {prompt[:60]!r}, so that nothing can "
            "follow; take it out of the tokenizer's post-processor"
        )
