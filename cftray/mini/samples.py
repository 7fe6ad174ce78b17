"""One task of the world before it takes the style of a data set.

A generator draws a `Sample` from a random source and a language. The draws never depend on the
language, so the same seed gives the same sample in every language: that is how counterparts are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cftray.mini.facts import FACTS, OPPOSITES, fact_of
from cftray.mini.lexicon import KIND_OF, THINGS, members, say, say_all
from cftray.mini.phrases import QUESTIONS, STATEMENTS, TASKS
from cftray.mini.stories import objects_story, people_story

RESERVED_SHARE: Final = 8
"""One in this many drawn tasks belongs to the evaluation and to nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A task with its bare answer, the answer as a full sentence, and what the answer rests on."""

    kind: str
    instruction: str
    answer: str
    sentence: str
    evidence: str
    input: str = ""
    about_objects: bool = False


Generator = Callable[[Random, str], Sample]


def is_reserved(text: str) -> bool:
    """True if the English form of a task is kept for evaluation."""
    return hashlib.sha256(text.encode()).digest()[0] % RESERVED_SHARE == 0


def sample_key(sample: Sample) -> str:
    """What identifies a task: its instruction and input, in English."""
    return f"{sample.instruction}\n{sample.input}"


def join_words(words: list[str]) -> str:
    return ", ".join(words)


def antonym(rng: Random, language: str) -> Sample:
    word = rng.choice(list(OPPOSITES))
    x, y = say(word, language), say(OPPOSITES[word], language)
    sentence = STATEMENTS["opposite"][language].format(x=x, y=y)
    question = QUESTIONS["opposite"][language].format(x=x)
    return Sample(kind="antonym", instruction=question, answer=y, sentence=sentence, evidence=sentence)


def category(rng: Random, language: str) -> Sample:
    thing = rng.choice(THINGS)
    x, y = say(thing, language), say(KIND_OF[thing], language)
    sentence = STATEMENTS["kind"][language].format(x=x, y=y)
    question = QUESTIONS["kind"][language].format(x=x)
    return Sample(kind="category", instruction=question, answer=y, sentence=sentence, evidence=sentence)


def fact(rng: Random, language: str) -> Sample:
    subject = rng.choice([subject for table in FACTS.values() for subject in table])
    found = fact_of(subject)
    assert found is not None
    relation, value = found
    x, y = say(subject, language), say(value, language)
    sentence = STATEMENTS[relation][language].format(x=x, y=y)
    question = QUESTIONS[relation][language].format(x=x)
    return Sample(kind="fact", instruction=question, answer=y, sentence=sentence, evidence=sentence)


def _list_task(kind: str, items: list[str], answer: list[str], language: str) -> Sample:
    shown = join_words(say_all(items, language))
    bare = join_words(say_all(answer, language))
    instruction = TASKS[kind][language].format(l=shown)
    return Sample(kind=kind, instruction=instruction, answer=bare, sentence=bare, evidence=shown)


def reverse(rng: Random, language: str) -> Sample:
    items = rng.sample(THINGS, rng.randint(2, 4))
    return _list_task("reverse", items, items[::-1], language)


def count(rng: Random, language: str) -> Sample:
    items = rng.sample(THINGS, rng.randint(2, 6))
    return _list_task("count", items, [members("number")[len(items) - 1]], language)


def first(rng: Random, language: str) -> Sample:
    items = rng.sample(THINGS, rng.randint(3, 5))
    return _list_task("first", items, items[:1], language)


def last(rng: Random, language: str) -> Sample:
    items = rng.sample(THINGS, rng.randint(3, 5))
    return _list_task("last", items, items[-1:], language)


LISTED: Final[tuple[str, ...]] = ("animal", "food", "colour", "city", "country", "job", "object", "place")


def odd(rng: Random, language: str) -> Sample:
    kind, other = rng.sample(LISTED, 2)
    stranger = rng.choice(members(other))
    items = [*rng.sample(members(kind), 3), stranger]
    rng.shuffle(items)
    return _list_task("odd", items, [stranger], language)


def list_of(rng: Random, language: str) -> Sample:
    kind = rng.choice(LISTED)
    chosen = rng.sample(members(kind), rng.randint(2, 5))
    number = say(members("number")[len(chosen) - 1], language)
    bare = join_words(say_all(chosen, language))
    instruction = TASKS["list"][language].format(k=number, x=say(kind, language))
    if rng.random() < 0.7:
        instruction += " " + TASKS["begin"][language].format(w=say(chosen[0], language))
    return Sample(kind="list", instruction=instruction, answer=bare, sentence=bare, evidence=bare)


def passage(rng: Random, language: str) -> Sample:
    """A question on a passage about people, or about where objects stand."""
    make = people_story if rng.random() < 0.6 else objects_story
    story = make(rng, language)
    return Sample(
        kind="passage",
        instruction=story.question,
        answer=story.answer,
        sentence=story.answer,
        evidence=story.support,
        input=story.text,
        about_objects=make is objects_story,
    )


def headline(rng: Random, language: str) -> Sample:
    story = people_story(rng, language)
    return Sample(
        kind="headline",
        instruction=TASKS["headline"][language],
        answer=story.headline,
        sentence=story.headline,
        evidence=story.hero,
        input=story.text,
    )


GENERATORS: Final[dict[str, Generator]] = {
    "antonym": antonym,
    "category": category,
    "fact": fact,
    "reverse": reverse,
    "count": count,
    "first": first,
    "last": last,
    "odd": odd,
    "list": list_of,
    "passage": passage,
    "headline": headline,
}
