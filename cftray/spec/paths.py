"""Paths of fields in a spec: which there are, and which one was meant by one that there isn't.

A path names fields from the outside in, joined by dots (`phase2.hyperparameters.learning_rate`). Of a union it may name
a field of any member (`phase2.mitigation.ratio`), of a list an element by its place, from 0 (`seeds.0`).
"""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

DEEPEST = 12
"""Levels that are listed; specs have half as many."""
MEANT = 3
"""Suggestions where a field of that name is in several places."""
LONGEST = 200
"""Characters of a path that are compared; a longer one is no slip of the hand."""

Model = type[BaseModel]


def has_path(model: Model, path: str) -> bool:
    """Whether some document of `model` could have a field there."""
    places: list[object] = [model]
    for step in path.split("."):
        places = [inner for place in places for inner in _inside(place, step)]
    return bool(places)


@functools.cache
def paths_of(model: Model) -> tuple[str, ...]:
    """Every path in documents of `model`, those of elements with place 0."""
    return tuple(dict.fromkeys(_paths(model, "", DEEPEST)))


def meant(path: str, models: Sequence[Model]) -> str:
    """`did you mean phase2.hyperparameters.learning_rate?`, or what there is where the path leaves the spec."""
    path = path[:LONGEST]
    parent, _, last = path.rpartition(".")
    known = [one for model in models for one in paths_of(model)]
    beside = [one for one in known if parent and one.rpartition(".")[0] == parent]
    close = difflib.get_close_matches(last, [one.rpartition(".")[2] for one in beside], n=1)
    if close:
        return f"did you mean {parent}.{close[0]}?"
    alike = [one for one in known if one.rpartition(".")[2] == last]
    if alike:
        return f"did you mean {' or '.join(difflib.get_close_matches(path, alike, n=MEANT, cutoff=0.0))}?"
    if not beside:
        close = difflib.get_close_matches(path, known, n=1)
        if close and not path.startswith(f"{close[0]}."):
            return f"did you mean {close[0]}?"
    return _fields_there(path, models)


def _fields_there(path: str, models: Sequence[Model]) -> str:
    """The fields of the deepest place that the path leads to."""
    found: dict[str, None] = {}
    for model in models:
        places: list[object] = [model]
        for step in path.split("."):
            inner = [one for place in places for one in _inside(place, step)]
            if not inner:
                break
            places = inner
        found |= dict.fromkeys(name for place in places for member in _members(place) for name in _names(member))
    return f"({', '.join(sorted(found))})" if found else "a field: what stands there has none"


def _paths(annotation: object, before: str, levels: int) -> Iterator[str]:
    if not levels:
        return
    for member in _members(annotation):
        for name in _names(member) or (["0"] if _elements(member) else []):
            path = f"{before}{name}"
            yield path
            for inner in _inside(member, name):
                yield from _paths(inner, f"{path}.", levels - 1)


def _inside(annotation: object, step: str) -> list[object]:
    """What may stand at `step` of a value of that kind."""
    found: list[object] = []
    for member in _members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            field = member.model_fields.get(step)
            found += [] if field is None else [field.annotation]
        elif step.isdecimal() and len(step) < len("10000"):
            found += _elements(member)
    return found


def _names(member: object) -> list[str]:
    return list(member.model_fields) if isinstance(member, type) and issubclass(member, BaseModel) else []


def _elements(member: object) -> list[object]:
    """What a list's elements are, each kind once; nothing for what is no list."""
    if typing.get_origin(member) not in (tuple, list):
        return []
    kinds: list[object] = [one for one in typing.get_args(member) if one is not Ellipsis]
    return list({repr(one): one for one in kinds}.values())


def _members(annotation: object) -> list[object]:
    """A union's members, notes taken off."""
    origin: Any = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [one for argument in typing.get_args(annotation) for one in _members(argument)]
    return [annotation]
