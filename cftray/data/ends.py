"""Which tokens end a response.

Three places say so, and a model may be taught to end with any of them: the tokenizer's `eos_token`, the
folder's generation_config.json, and the chat template, which may close a turn with a token of its own
(`<|im_end|>`, `<|eot_id|>`). A generator that knows only the first would run on into the next turn.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from cftray.data.rows import Row
from cftray.data.templates import ChatTemplate, load_template, tokenizer_config
from cftray.data.tokenize import load_tokenizer
from cftray.errors import DataError, ModelError
from cftray.spec.template import Template

SENTINEL = "cftray-response"
"""Stands where a response would, so that what the template writes behind one can be told."""


def end_tokens(tokenizer_folder: Path, template: Template) -> list[int]:
    """Ids of the tokens that end a response, the tokenizer's eos first, each once.

    Raises ModelError where the tokenizer has no eos_token, DataError where the template leaves the response out.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    found = [
        _eos(tokenizer_folder, tokenizer),
        *_configured(tokenizer_folder),
        *_closing(load_template(template, tokenizer_folder), tokenizer),
    ]
    return list(dict.fromkeys(found))


def _eos(folder: Path, tokenizer: Tokenizer) -> int:
    token = tokenizer_config(folder).get("eos_token")
    text = token["content"] if isinstance(token, dict) else token
    number: int | None = tokenizer.token_to_id(str(text))
    if number is None:
        raise ModelError(f"{folder.name}: its tokenizer has no eos_token; a response could never end")
    return number


def _configured(folder: Path) -> list[int]:
    """`eos_token_id` of generation_config.json: a number, several, or nothing."""
    path = folder / "generation_config.json"
    own: Any = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.is_file() else None
    return own if isinstance(own, list) else [] if own is None else [own]


def _closing(template: ChatTemplate, tokenizer: Tokenizer) -> list[int]:
    """The first token behind a response that text can't be mistaken for; nothing where plain text closes it."""
    response = template.render(Row(id=SENTINEL, instruction="Answer.", output=SENTINEL)).response
    before, there, behind = response.rpartition(SENTINEL)
    if not there:
        raise DataError(f"the template writes {before + behind!r} for a response and leaves its content out")
    # Added tokens may be runs of spaces, which are no end.
    added = {number for number, one in tokenizer.get_added_tokens_decoder().items() if one.content.strip()}
    ids = tokenizer.encode(behind, add_special_tokens=False).ids
    return [one for one in ids if one in added][:1]
