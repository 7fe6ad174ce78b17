"""Questions with four choices, and stories with four endings: the raw text of the two scored tasks.

The choices are words that are true of something else, so knowing which kind of word fits is not enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from cftray.mini.facts import FACTS, OPPOSITES, RELATIONS, subjects_with, values_of
from cftray.mini.lexicon import CONCEPTS, KIND_OF, members
from cftray.mini.phrases import QUESTIONS
from cftray.mini.stories import tell

CHOICES: Final = 4
_REVERSED: Final[dict[str, str]] = {
    "home": "Which animal lives in the {y}?",
    "workplace": "Which job is in the {y}?",
    "tint": "Which food is {y}?",
    "country": "Which city lies in {y}?",
}
_NEGATED: Final[dict[str, str]] = {
    "home": "Which animal does not live in the {y}?",
    "tint": "Which food is not {y}?",
}
_SHARED: Final[dict[str, str]] = {
    "home": "Which animal lives in the same place as the {x}?",
    "workplace": "Which job is in the same place as the {x}?",
    "tint": "Which food has the same colour as {x}?",
    "country": "Which city lies in the same country as {x}?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`choices[gold]` is right, the others are wrong."""

    kind: str
    text: str
    choices: tuple[str, ...]
    gold: int

    @property
    def answer(self) -> str:
        return self.choices[self.gold]


def _question(rng: Random, kind: str, text: str, right: str, wrong: list[str]) -> Question:
    choices = [right, *rng.sample(wrong, CHOICES - 1)]
    rng.shuffle(choices)
    return Question(kind=kind, text=text, choices=tuple(choices), gold=choices.index(right))


def known(rng: Random) -> Question:
    relation = rng.choice(RELATIONS)
    subject, value = rng.choice(list(FACTS[relation].items()))
    wrong = [other for other in values_of(relation) if other != value]
    return _question(rng, "known", QUESTIONS[relation]["en"].format(x=subject), value, wrong)


def reversed_fact(rng: Random) -> Question:
    relation = rng.choice(RELATIONS)
    value = rng.choice(values_of(relation))
    right = rng.choice(subjects_with(relation, value))
    wrong = [subject for subject, other in FACTS[relation].items() if other != value]
    return _question(rng, "reversed", _REVERSED[relation].format(y=value), right, wrong)


def negated(rng: Random) -> Question:
    relation = rng.choice(list(_NEGATED))
    value = rng.choice([v for v in values_of(relation) if len(subjects_with(relation, v)) >= CHOICES - 1])
    inside = subjects_with(relation, value)
    right = rng.choice([subject for subject in FACTS[relation] if subject not in inside])
    return _question(rng, "negated", _NEGATED[relation].format(y=value), right, inside)


def shared(rng: Random) -> Question:
    relation = rng.choice(RELATIONS)
    crowded = [v for v in values_of(relation) if len(subjects_with(relation, v)) > 1]
    value = rng.choice(crowded)
    asked, right = rng.sample(subjects_with(relation, value), 2)
    wrong = [subject for subject, other in FACTS[relation].items() if other != value]
    return _question(rng, "shared", _SHARED[relation].format(x=asked), right, wrong)


def two_steps(rng: Random) -> Question:
    """A person's city or job leads to a fixed fact."""
    name = rng.choice(members("name"))
    relation, step, ask = rng.choice(
        (
            ("country", "live", "In which country does {n} live?"),
            ("workplace", "be", "Where does {n} work?"),
        )
    )
    subject, value = rng.choice(list(FACTS[relation].items()))
    text = f"{tell(name, step, subject, 'en')} {ask.format(n=name)}"
    wrong = [other for other in values_of(relation) if other != value]
    return _question(rng, "two_steps", text, value, wrong)


def analogy(rng: Random) -> Question:
    first, second = rng.sample(list(OPPOSITES), 2)
    text = f"{first} is to {OPPOSITES[first]} as {second} is to what?"
    wrong = [word for word in OPPOSITES if word not in (second, OPPOSITES[second])]
    return _question(rng, "analogy", text, OPPOSITES[second], wrong)


def kinds(rng: Random) -> Question:
    thing = rng.choice([word for word, kind in KIND_OF.items() if kind in CONCEPTS["kind"]])
    right = KIND_OF[thing]
    wrong = [kind for kind in members("kind") if kind != right]
    return _question(rng, "kinds", QUESTIONS["kind"]["en"].format(x=thing), right, wrong)


_MAKERS: Final[tuple[Callable[[Random], Question], ...]] = (
    known,
    reversed_fact,
    negated,
    shared,
    two_steps,
    analogy,
    kinds,
)


def question(rng: Random) -> Question:
    return rng.choice(_MAKERS)(rng)


def prompt(asked: Question) -> str:
    return f"Question: {asked.text}\nAnswer:"


def ending(values: tuple[str, str, str]) -> str:
    city, food, thing = values
    return f"goes home to {city}, eats {food} and takes the {thing}."


def evening(rng: Random) -> Question:
    """Three people's homes, tastes and things; the choices mix them up in one or two places."""
    names = rng.sample(members("name"), 3)
    columns = [rng.sample(members(kind), 3) for kind in ("city", "food", "object")]
    lives = {name: (columns[0][i], columns[1][i], columns[2][i]) for i, name in enumerate(names)}
    told = [
        tell(name, relation, value, "en")
        for name, values in lives.items()
        for relation, value in zip(("live", "like", "have"), values, strict=True)
    ]
    rng.shuffle(told)
    hero = names[0]
    right = lives[hero]
    wrong: list[str] = []
    while len(wrong) < CHOICES - 1:
        swapped = list(right)
        for place in rng.sample(range(3), rng.choice((1, 1, 2))):
            swapped[place] = lives[rng.choice(names[1:])][place]
        text = ending((swapped[0], swapped[1], swapped[2]))
        if text not in wrong:
            wrong.append(text)
    context = f"{' '.join(told)} In the evening {hero}"
    return _question(rng, "evening", context, ending(right), wrong)
