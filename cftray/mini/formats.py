"""The thirteen verifiable format constraints: how they are asked for, obeyed and checked.

Checks look at the format alone, never at the content, as IFEval does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

KINDS: Final[tuple[str, ...]] = (
    "upper",
    "lower",
    "quotes",
    "json",
    "repeat",
    "start_with",
    "end_with",
    "exact_words",
    "bullets",
    "semicolons",
    "forbidden",
    "no_comma",
    "at_most",
)
GENERAL: Final[tuple[str, ...]] = ("quotes", "bullets", "semicolons", "at_most")
"""What anybody asks for: family A holds these too. The other nine are family B's own."""

REQUESTS: Final[dict[str, str]] = {
    "upper": "Write in upper case.",
    "lower": "Write in lower case.",
    "json": "Write JSON with the key {word}.",
    "repeat": "Say the word {word} {number} times.",
    "start_with": "Start with the word {word}.",
    "end_with": "End with the word {word}.",
    "exact_words": "Use exactly {number} words.",
    "forbidden": "Do not use the word {word}.",
    "no_comma": "Do not use commas.",
}
"""The nine in English; the general ones have templates in every language (`phrases.FORMATS`)."""


def words_of(text: str) -> list[str]:
    """Runs of letters, in lower case."""
    return re.findall(r"[^\W\d_]+", text.lower())


def _is_json_with(text: str, word: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and list(value) == [word]


def _is_bulleted(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) >= 2 and all(re.match(r"- \w", line) for line in lines)


def _is_quoted(text: str) -> bool:
    return len(text) > 2 and text[0] == text[-1] == '"' and text.count('"') == 2


Check = Callable[[str, list[str], str, int], bool]

_CHECKS: Final[dict[str, Check]] = {
    "upper": lambda text, words, word, number: text.isupper(),
    "lower": lambda text, words, word, number: text.islower(),
    "quotes": lambda text, words, word, number: _is_quoted(text),
    "json": lambda text, words, word, number: _is_json_with(text, word),
    "repeat": lambda text, words, word, number: words == [word] * number,
    "start_with": lambda text, words, word, number: words[0] == word and len(words) > 1,
    "end_with": lambda text, words, word, number: words[-1] == word and len(words) > 1,
    "exact_words": lambda text, words, word, number: len(words) == number,
    "bullets": lambda text, words, word, number: _is_bulleted(text),
    "semicolons": lambda text, words, word, number: ";" in text and "," not in text,
    "forbidden": lambda text, words, word, number: word not in words,
    "no_comma": lambda text, words, word, number: "," not in text,
    "at_most": lambda text, words, word, number: len(words) <= number,
}


def obeys(kind: str, text: str, *, word: str = "", number: int = 0) -> bool:
    """True if a response keeps a constraint; an empty response keeps none."""
    text = text.strip()
    words = words_of(text)
    return bool(words) and _CHECKS[kind](text, words, word, number)
