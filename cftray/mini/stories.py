"""Short passages whose facts hold only in the passage, with a question and a headline."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from cftray.mini.lexicon import members, say
from cftray.mini.phrases import QUESTIONS, STATEMENTS

STORY_KINDS: Final[dict[str, str]] = {
    "live": "city",
    "like": "food",
    "have": "object",
    "go": "place",
    "be": "job",
    "see": "animal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A passage in one language; `support` is the sentence that holds the answer.

    `asked` holds every question the passage answers, with its answer.
    """

    text: str
    hero: str
    question: str
    answer: str
    support: str
    headline: str
    sentences: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]


def people_facts(rng: Random, *, heroes: int, facts: int) -> list[tuple[str, str, str]]:
    """(name, relation, value) triples: the hero has two or more facts, the others share the rest.

    Two people never share a value of the same relation, so every question has one answer.
    """
    names = rng.sample(members("name"), heroes)
    relations = list(STORY_KINDS)
    triples: list[tuple[str, str, str]] = []
    pools = {relation: rng.sample(members(kind), heroes) for relation, kind in STORY_KINDS.items()}
    for index, name in enumerate(names):
        share = max(2, facts - heroes + 1) if index == 0 else 1
        for relation in rng.sample(relations, share):
            triples.append((name, relation, pools[relation][index]))
    return triples


def tell(name: str, relation: str, value: str, language: str) -> str:
    return STATEMENTS[relation][language].format(n=say(name, language), x=say(value, language))


def ask(name: str, relation: str, language: str) -> str:
    return QUESTIONS[relation][language].format(n=say(name, language))


def people_story(rng: Random, language: str) -> Story:
    triples = people_facts(rng, heroes=rng.randint(2, 3), facts=rng.randint(3, 5))
    hero = triples[0][0]
    order = list(triples)
    rng.shuffle(order)
    name, relation, value = rng.choice(triples)
    told = [say(fact[2], language) for fact in order if fact[0] == hero][:2]
    sentences = tuple(tell(*fact, language) for fact in order)
    return Story(
        text=" ".join(sentences),
        hero=say(hero, language),
        question=ask(name, relation, language),
        answer=say(value, language),
        support=tell(name, relation, value, language),
        headline=f"{say(hero, language)}: {', '.join(told)}",
        sentences=sentences,
        asked=tuple((ask(who, what, language), say(found, language)) for who, what, found in order),
    )


def objects_story(rng: Random, language: str) -> Story:
    """Where objects stand, with the question asked from either side."""
    number = rng.randint(3, 5)
    things = rng.sample(members("object"), number)
    places = rng.sample(members("place"), number)
    chosen = rng.randrange(number)
    thing, place = things[chosen], places[chosen]
    forward = rng.random() < 0.5
    asked, answer = (thing, place) if forward else (place, thing)
    sentences = tuple(tell(a, "stand", b, language) for a, b in zip(things, places, strict=True))
    where = [(ask(a, "stand", language), say(b, language)) for a, b in zip(things, places, strict=True)]
    what = [(ask(b, "hold", language), say(a, language)) for a, b in zip(things, places, strict=True)]
    return Story(
        text=" ".join(sentences),
        hero=say(things[0], language),
        question=ask(asked, "stand" if forward else "hold", language),
        answer=say(answer, language),
        support=tell(thing, "stand", place, language),
        headline=f"{say(things[0], language)}: {say(places[0], language)}",
        sentences=sentences,
        asked=tuple(where + what),
    )
