"""From an answer or a summary to the words that are compared.

- `squad_words`: SQuAD's definition, made for English (Rajpurkar et al., SQuAD, 2016): lower case, no ASCII
  punctuation, no a/an/the, words between spaces
- `mlqa_words`: MLQA's official rules (mlqa_evaluation_v1.py), a language each: lower case, no punctuation of any
  script, no articles of the language, Chinese in mixed segmentation. Its Arabic pattern takes ال away wherever it
  stands; that is a slip of the script, and official
- `xquad_words`: the same for XQuAD's languages, with what the official rules lack: characters that nobody sees are
  gone, equal characters have one form, Turkish i and I are lowered as in Turkish, the Arabic article only where a
  word begins with it, Thai in words. Greek, Romanian, Russian, Turkish and Thai have no published list of articles,
  and none is made up here
- `summary_words`: for ROUGE: lower case, only letters, marks and numbers of any script
"""

from __future__ import annotations

import functools
import re
import string
import unicodedata
from collections.abc import Mapping
from typing import Final

from cftray.errors import InternalError, nearest
from cftray.evaluation.paper.metrics.segmentation import segment


def _any_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b")


_NONE: Final = re.compile(r"(?!)")
_SQUAD_ARTICLES: Final = _any_of("a an the")

_MLQA_ARTICLES: Final[Mapping[str, re.Pattern[str]]] = {
    "ar": re.compile("ال"),
    "de": _any_of("ein eine einen einem eines einer der die das den dem des"),
    "en": _SQUAD_ARTICLES,
    "es": _any_of("un una unos unas el la los las"),
    "hi": _NONE,
    "vi": _any_of("của là cái chiếc những"),
    "zh": _NONE,
}
_XQUAD_ARTICLES: Final[Mapping[str, re.Pattern[str]]] = {
    **_MLQA_ARTICLES,
    "ar": re.compile(r"(?:^|(?<=\s))ال"),
    **dict.fromkeys(("el", "ro", "ru", "th", "tr"), _NONE),
}

_FOLDED: Final = ("ja", "zh")
"""Full-width letters and digits become plain ones there; NFKC would take Thai's sara am apart."""

_TURKISH: Final = str.maketrans({"I": "ı", "İ": "i"})


def squad_words(text: str) -> list[str]:
    """The words of an answer by SQuAD's definition."""
    kept = "".join(char for char in text.lower() if char not in string.punctuation)
    return _SQUAD_ARTICLES.sub(" ", kept).split()


def mlqa_words(text: str, language: str) -> list[str]:
    """The words of an answer by MLQA's rules. Raises InternalError where MLQA does not have the language."""
    articles = _articles(_MLQA_ARTICLES, language)
    return segment(articles.sub(" ", _without_punctuation(text.lower())), language)


def xquad_words(text: str, language: str) -> list[str]:
    """The words of an answer in a language of XQuAD's. Raises InternalError where it is none."""
    articles = _articles(_XQUAD_ARTICLES, language)
    return segment(articles.sub(" ", _without_punctuation(_lower(_visible(text, language), language))), language)


def summary_words(text: str, language: str) -> list[str]:
    """The words of a summary. Raises InternalError where the language has no segmentation."""
    lowered = _lower(_visible(text, language), language)
    return segment("".join(char if _part_of_word(char) else " " for char in lowered), language)


def _articles(rules: Mapping[str, re.Pattern[str]], language: str) -> re.Pattern[str]:
    if language not in rules:
        raise InternalError(f"{language}: answers in it have no rules; {nearest(language, rules)}")
    return rules[language]


def _visible(text: str, language: str) -> str:
    """In one form, without format characters: marks of direction, joiners, zero-width spaces."""
    text = unicodedata.normalize("NFKC" if language in _FOLDED else "NFC", text)
    return "".join(char for char in text if not _format(char))


def _lower(text: str, language: str) -> str:
    return (text.translate(_TURKISH) if language == "tr" else text).lower()


def _without_punctuation(text: str) -> str:
    return "".join(char for char in text if not _punctuation(char))


@functools.cache
def _format(char: str) -> bool:
    return unicodedata.category(char) == "Cf"


@functools.cache
def _punctuation(char: str) -> bool:
    return char in string.punctuation or unicodedata.category(char).startswith("P")


@functools.cache
def _part_of_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"
