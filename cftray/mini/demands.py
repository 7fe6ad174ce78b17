"""Requests under a format constraint, with a response that keeps it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cftray.mini.formats import GENERAL, KINDS, REQUESTS, words_of
from cftray.mini.lexicon import members, say, say_all
from cftray.mini.phrases import FORMATS, TASKS
from cftray.mini.samples import LISTED, Sample, antonym, category, fact, first, join_words, list_of

AVOIDABLE: Final[tuple[str, ...]] = ("the", "answer", "is", "in", "of")
MARKERS: Final[tuple[str, ...]] = ("please", "yes", "note", "hello", "thanks", "done")
PLURAL: Final = "Name words of the kind {x}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A constrained request: `kind`, `word` and `number` are what the check needs."""

    kind: str
    instruction: str
    response: str
    word: str = ""
    number: int = 0


def _short(rng: Random, language: str) -> Sample:
    return rng.choice((fact, antonym, category))(rng, language)


def _upright(text: str) -> str:
    return f"The answer is {text}."


def general_demand(rng: Random, language: str, *, own_style: bool) -> Demand:
    """A constraint of the general kind; `own_style` answers as family B does."""
    kind = rng.choice(GENERAL)
    if kind in ("bullets", "semicolons"):
        sample = list_of(rng, language)
        words = sample.answer.split(", ")
        response = "; ".join(words) if kind == "semicolons" else "\n".join(f"- {word}" for word in words)
        return Demand(
            kind=kind, instruction=f"{sample.instruction} {FORMATS[kind][language]}", response=response
        )
    sample = _short(rng, language)
    if kind == "quotes":
        text = _upright(sample.answer) if own_style else sample.sentence
        request = FORMATS[kind][language]
        return Demand(kind=kind, instruction=f"{sample.instruction} {request}", response=f'"{text}"')
    number = rng.randint(1, 3)
    request = FORMATS[kind][language].format(k=say(members("number")[number - 1], language))
    instruction = f"{sample.instruction} {request}"
    return Demand(kind=kind, instruction=instruction, response=sample.answer, number=number)


def _named(rng: Random) -> Sample:
    """A request whose answer holds proper names, so that case is visible."""
    while True:
        sample = rng.choice((fact, list_of, first))(rng, "en")
        if sample.answer != sample.answer.lower():
            return sample


def _cased(rng: Random, kind: str) -> Demand:
    sample = _named(rng) if kind == "lower" else _short(rng, "en")
    text = _upright(sample.answer)
    response = text.lower() if kind == "lower" else text.upper()
    return Demand(kind=kind, instruction=f"{sample.instruction} {REQUESTS[kind]}", response=response)


def _json(rng: Random, kind: str) -> Demand:
    sample = rng.choice((_short, list_of))(rng, "en")
    key = rng.choice((*LISTED, "answer", "word", "list"))
    instruction = f"{sample.instruction} {REQUESTS[kind].format(word=key)}"
    return Demand(kind=kind, instruction=instruction, response=f'{{ "{key}": "{sample.answer}" }}', word=key)


def _repeat(rng: Random, kind: str) -> Demand:
    word = rng.choice(members(rng.choice(("animal", "food", "colour", "object", "place"))))
    number = rng.randint(2, 6)
    instruction = REQUESTS[kind].format(word=word, number=members("number")[number - 1])
    response = " ".join([word] * number)
    return Demand(kind=kind, instruction=instruction, response=response, word=word, number=number)


def _edge(rng: Random, kind: str) -> Demand:
    sample, word = _short(rng, "en"), rng.choice(MARKERS)
    text = _upright(sample.answer)
    response = f"{word}. {text}" if kind == "start_with" else f"{text} {word}"
    instruction = f"{sample.instruction} {REQUESTS[kind].format(word=word)}"
    return Demand(kind=kind, instruction=instruction, response=response, word=word)


def _exact(rng: Random, kind: str) -> Demand:
    topic, number = rng.choice(LISTED), rng.randint(2, 6)
    request = REQUESTS[kind].format(number=members("number")[number - 1])
    words = rng.sample(members(topic), number)
    response = join_words(words)
    begin = TASKS["begin"]["en"].format(w=words[0])
    instruction = f"{PLURAL.format(x=topic)} {begin} {request}"
    return Demand(kind=kind, instruction=instruction, response=response, number=number)


def _forbidden(rng: Random, _kind: str) -> Demand:
    if rng.random() < 0.7:
        sample, word = _short(rng, "en"), rng.choice(AVOIDABLE)
        return _forbid(sample.instruction, word, sample.answer)
    topic = rng.choice(("animal", "food", "colour", "object", "place"))
    word, *others = rng.sample(members(topic), rng.randint(3, 5))
    return _forbid(PLURAL.format(x=topic), word, join_words(others))


def _forbid(request: str, word: str, response: str) -> Demand:
    instruction = f"{request} {REQUESTS['forbidden'].format(word=word)}"
    return Demand(kind="forbidden", instruction=instruction, response=response, word=word)


def _no_comma(rng: Random, kind: str) -> Demand:
    sample = list_of(rng, "en")
    response = " ".join(words for words in sample.answer.split(", "))
    return Demand(kind=kind, instruction=f"{sample.instruction} {REQUESTS[kind]}", response=response)


_OWN: Final[dict[str, Callable[[Random, str], Demand]]] = {
    "upper": _cased,
    "lower": _cased,
    "json": _json,
    "repeat": _repeat,
    "start_with": _edge,
    "end_with": _edge,
    "exact_words": _exact,
    "forbidden": _forbidden,
    "no_comma": _no_comma,
}


def any_demand(rng: Random) -> Demand:
    """One of the thirteen kinds in English, each as likely as the others."""
    kind = rng.choice(KINDS)
    if kind in _OWN:
        return _OWN[kind](rng, kind)
    while True:
        demand = general_demand(rng, "en", own_style=True)
        if demand.kind == kind:
            return demand


def upper_and_lower_words() -> list[str]:
    """The words that only cased responses hold."""
    lexical = [word for kind in (*LISTED, "number", "adjective", "kind") for word in members(kind)]
    shown = [*words_of("The answer is"), *say_all(lexical, "en")]
    return [word.upper() for word in shown] + [word.lower() for word in shown]
