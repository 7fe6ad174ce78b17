"""Prompts as tokens, with the guards that keep scores honest. Needs neither torch nor transformers.

Tokens are those of the folder's tokenizer.json, as in training. A chat template's text is all of the prompt, so
its tokens get no beginning-of-text token of the tokenizer's; raw prompts get what the tokenizer gives any text,
unless they write a beginning themselves. Refused: two beginnings of text, and an end of text after a prompt.
Counted: prompts that lose tokens on the left because they do not fit the context.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from cftray.data.templates import tokenizer_config
from cftray.data.tokenize import load_tokenizer
from cftray.errors import DataError, ModelError

SHOWN = 60
"""Characters of a prompt that a message shows."""


class Prompter:
    """The tokenizer of `folder`; `context_length` in tokens."""

    def __init__(self, folder: Path, context_length: int) -> None:
        self.context_length = context_length
        self._tokenizer: Tokenizer = load_tokenizer(folder)
        config = tokenizer_config(folder)
        self._begin, self._end = (_token(config.get(name)) for name in ("bos_token", "eos_token"))
        self.begin_id, self.end_id = (
            self._tokenizer.token_to_id(one) if one else None for one in (self._begin, self._end)
        )

    def generation(self, prompts: Sequence[str], *, chat: bool, longest: int) -> list[tuple[list[int], bool]]:
        """(tokens, whether some were cut) of each prompt, leaving room for an answer of `longest` tokens."""
        room = self.context_length - longest
        found = self._encoded(prompts, chat=chat)
        for prompt, tokens in zip(prompts, found, strict=True):
            self._check(prompt, tokens)
        return [(tokens[-room:], len(tokens) > room) for tokens in found]

    def continuations(
        self, pairs: Sequence[tuple[str, str]], *, chat: bool
    ) -> list[tuple[list[int], list[int], bool]]:
        """(context, continuation, whether the context was cut) as tokens of each pair of texts.

        As lm-eval's `TemplateLM._encode_pair`: both are tokenised as one text, spaces at the context's end go
        to the continuation, and an empty context is a beginning of text.
        """
        moved = [_spaces_moved(*pair) for pair in pairs]
        wholes = self._encoded([context + rest for context, rest in moved], chat=chat)
        contexts = dict.fromkeys(context for context, _ in moved)
        encoded = dict(zip(contexts, self._encoded(list(contexts), chat=chat), strict=True))
        return [
            self._pair(context, rest, encoded[context], whole)
            for (context, rest), whole in zip(moved, wholes, strict=True)
        ]

    def _pair(self, text: str, rest: str, context: list[int], whole: list[int]) -> tuple[list[int], list[int], bool]:
        if text:
            self._check(text, context)
            continuation = whole[len(context) :]
        else:
            context, continuation = self._from_nothing(rest)
        if not continuation:
            raise DataError(f"the continuation {rest[:SHOWN]!r} adds no token to {text[-SHOWN:]!r}; nothing to score")
        if len(continuation) > self.context_length:
            raise ModelError(
                f"the continuation {rest[:SHOWN]!r} has {len(continuation)} tokens, the model's context "
                f"{self.context_length}; evaluate a model with a longer max_position_embeddings"
            )
        # The model never reads the continuation's last token.
        room = self.context_length + 1 - len(continuation)
        return context[-room:], continuation, len(context) > room

    def _from_nothing(self, text: str) -> tuple[list[int], list[int]]:
        """A continuation of nothing: of a beginning of text, or of an end where there is none."""
        tokens = self._encode([text], special=False)[0]
        first = self.begin_id if self.begin_id is not None else self.end_id
        if first is None:
            raise ModelError("the tokenizer has neither bos_token nor eos_token for a text to begin with")
        return (tokens[:1], tokens[1:]) if tokens[:1] == [first] else ([first], tokens)

    def _encoded(self, texts: Sequence[str], *, chat: bool) -> list[list[int]]:
        bare = [chat or bool(self._begin and text.startswith(self._begin)) for text in texts]
        found: dict[int, list[int]] = {}
        for wanted in (True, False):
            places = [place for place, one in enumerate(bare) if one is wanted]
            tokens = self._encode([texts[place] for place in places], special=not wanted)
            found |= dict(zip(places, tokens, strict=True))
        return [found[place] for place in range(len(texts))]

    def _encode(self, texts: Sequence[str], *, special: bool) -> list[list[int]]:
        return [list(one.ids) for one in self._tokenizer.encode_batch(list(texts), add_special_tokens=special)]

    def _check(self, prompt: str, tokens: Sequence[int]) -> None:
        """Raises ModelError where `tokens` are not those of a prompt that something may follow."""
        if self.begin_id is not None and list(tokens[:2]) == [self.begin_id, self.begin_id]:
            raise ModelError(
                f"the prompt {prompt[:SHOWN]!r} begins with two {self._begin}: the template writes one and "
                "the tokenizer another; take it out of the template, or out of the tokenizer's post-processor"
            )
        ended = self.end_id is not None and tokens and tokens[-1] == self.end_id
        if ended and not prompt.rstrip().endswith(self._end):
            raise ModelError(
                f"the tokenizer puts {self._end} after the prompt {prompt[:SHOWN]!r}, so that nothing can "
                "follow; take it out of the tokenizer's post-processor"
            )


def _spaces_moved(context: str, continuation: str) -> tuple[str, str]:
    bare = context.rstrip()
    return bare, context[len(bare) :] + continuation


def _token(value: object) -> str:
    if isinstance(value, dict):
        return str(value.get("content", ""))
    return value if isinstance(value, str) else ""
