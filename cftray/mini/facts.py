"""What is always true in the miniature world, as concept pairs."""

from __future__ import annotations

from typing import Final

from cftray.mini.lexicon import KIND_OF, members

_HOMES: Final = """
house: cat dog mouse
farm: cow pig sheep goat horse
forest: bear wolf fox rabbit
jungle: lion tiger elephant monkey
sea: fish shark whale
lake: frog duck
desert: snake camel
mountain: eagle
"""
_WORKPLACES: Final = """
school: teacher
clinic: doctor nurse
kitchen: cook
shop: seller
factory: worker
theatre: actor singer
farm: farmer
court: judge
harbour: sailor
forest: hunter
office: secretary
library: student
station: driver
hotel: waiter
museum: painter
lake: fisherman
"""
_COLOURS: Final = """
red: apple tomato cherry strawberry
brown: bread
yellow: cheese banana lemon honey butter
white: milk rice egg sugar salt
orange: carrot
purple: grape plum
green: pear cucumber salad
black: coffee
"""
_COUNTRIES: Final = """
France: Paris
Germany: Berlin Munich
Spain: Madrid Seville
Italy: Rome Milan
Russia: Moscow
Indonesia: Jakarta
England: London
Portugal: Lisbon
Austria: Vienna
Greece: Athens
Japan: Tokyo
Poland: Warsaw
Norway: Oslo
"""


def _parse(table: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in table.strip().splitlines():
        value, subjects = line.split(":")
        pairs.update(dict.fromkeys(subjects.split(), value))
    return pairs


RELATIONS: Final[tuple[str, ...]] = ("home", "workplace", "tint", "country")
FACTS: Final[dict[str, dict[str, str]]] = {
    "home": _parse(_HOMES),
    "workplace": _parse(_WORKPLACES),
    "tint": _parse(_COLOURS),
    "country": _parse(_COUNTRIES),
}
SUBJECT_KIND: Final[dict[str, str]] = {
    "home": "animal",
    "workplace": "job",
    "tint": "food",
    "country": "city",
}
VALUE_KIND: Final[dict[str, str]] = {
    "home": "place",
    "workplace": "place",
    "tint": "colour",
    "country": "country",
}
OPPOSITES: Final[dict[str, str]] = {
    word: members("adjective")[index ^ 1] for index, word in enumerate(members("adjective"))
}


def fact_of(subject: str) -> tuple[str, str] | None:
    """The relation and value of a subject that has a fixed fact."""
    for relation in RELATIONS:
        if subject in FACTS[relation]:
            return relation, FACTS[relation][subject]
    return None


def subjects_with(relation: str, value: str) -> list[str]:
    return [subject for subject, found in FACTS[relation].items() if found == value]


def values_of(relation: str) -> list[str]:
    """The values a relation takes, each once, in order."""
    return list(dict.fromkeys(FACTS[relation].values()))


def kind_of(concept: str) -> str:
    return KIND_OF[concept]
