"""The miniature world's own translator: its phrase book read from one language to another.

Knows the sentences of `cftray.mini.phrases` and lists of the words of `cftray.mini.lexicon`, and says so where a
text is neither. Exact: the world's own rows in two languages are each other's translations.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cftray.mini.lexicon import WORDS
from cftray.mini.phrases import FORMATS, QUESTIONS, REASONING, STATEMENTS, TASKS
from cftray.translation.sentences import Unit

TEMPLATES: Final[tuple[Mapping[str, str], ...]] = tuple(
    template for table in (STATEMENTS, QUESTIONS, TASKS, FORMATS, REASONING) for template in table.values()
)
_SLOT: Final = re.compile(r"\{(\w)\}")
_BETWEEN: Final = re.compile(r"([,;:] | )")


class Dictionary:
    """See `cftray.translation.translator.Translator`."""

    identity = "the miniature's phrase book"
    unit = Unit.SENTENCE

    def fits(self, text: str) -> bool:  # noqa: ARG002
        """Any length does."""
        return True

    def translate(
        self, texts: Sequence[str], source: str, target: str, *, again: bool = False  # noqa: ARG002
    ) -> list[str | None]:
        """See `Translator`; there is only one way to say anything here."""
        return [_quoted(text, source, target) for text in texts]


def is_in(text: str, language: str) -> bool:
    """Whether every word of a text is one of the world's in a language."""
    known = _vocabulary(language)
    return all(word in known for word in _words(text))


def _quoted(text: str, source: str, target: str) -> str | None:
    if len(text) > 2 and text[0] == text[-1] == '"':
        inner = _translated(text[1:-1], source, target)
        return None if inner is None else f'"{inner}"'
    return _translated(text, source, target)


def _translated(text: str, source: str, target: str) -> str | None:
    """A list of words, or a sentence whose slots hold such lists."""
    words = _listed(text, source, target)
    if words is not None:
        return words
    for pattern, names, template in _patterns(source):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        slots = [_listed(one, source, target) for one in found.groups()]
        if None not in slots:
            return template[target].format(**dict(zip(names, slots, strict=True)))
    return None


def _listed(text: str, source: str, target: str) -> str | None:
    words = _inverse(source)
    found = []
    for place, part in enumerate(_BETWEEN.split(text)):
        if place % 2:
            found.append(part)
        elif part in words:
            found.append(WORDS[words[part]][target])
        else:
            return None
    return "".join(found)


@functools.cache
def _inverse(language: str) -> dict[str, str]:
    """Word to concept; a word of two concepts stands for the first."""
    return {words[language]: concept for concept, words in reversed(WORDS.items())}


@functools.cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], list[str], Mapping[str, str]]]:
    return [_pattern(template, language) for template in TEMPLATES]


def _pattern(template: Mapping[str, str], language: str) -> tuple[re.Pattern[str], list[str], Mapping[str, str]]:
    parts = _SLOT.split(template[language])
    text = "".join("(.+)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
    return re.compile(text), parts[1::2], template


@functools.cache
def _vocabulary(language: str) -> frozenset[str]:
    told = [words[language] for words in WORDS.values()]
    said = [_SLOT.sub(" ", template[language]) for template in TEMPLATES]
    return frozenset(word for text in (*told, *said) for word in _words(text))


def _words(text: str) -> Iterator[str]:
    return (found.group() for found in re.finditer(r"[^\W\d_]+", text.lower()))
