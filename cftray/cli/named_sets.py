"""From words on the command line to data sets by their names, each with how it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from cftray.errors import Fault, SpecRefused

SPEC_FILES = (".yaml", ".yml", ".json")


def asked_sets(sets: Sequence[str], names: Sequence[str], adapters: Sequence[str], languages: Sequence[str]) -> Any:
    """The path of a spec where there is one word alone, else data sets by their names, in the order given.

    `names` are `NAME=PATH`: a name for one of `sets`, or a set more. Adapters and languages are of all sets (`chat`)
    or of one (`NAME=chat`). Raises SpecRefused.
    """
    from cftray.client_similarity import data_of

    if len(sets) == 1 and not names and sets[0].endswith(SPEC_FILES):
        if adapters or languages:
            given = "adapter" if adapters else "language"
            raise _refused(given, (adapters or languages)[0], "none beside a spec, which says how its sets are read")
        return sets[0]
    found = _named(sets, names)
    adapter = _by_set(adapters, "adapter", list(found))
    language = _by_set(languages, "language", list(found))
    return {name: data_of(path, adapter.get(name), language.get(name)) for name, path in found.items()}


def _named(sets: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    from cftray.client_similarity import named_sets

    own = {path: name for name, path in (_split(one, "name", "NAME=PATH, a set and its name") for one in names)}
    given = [*sets, *(path for path in own if path not in sets)]
    _once("sets", given, "each set once: its DES with itself is 1")
    free = named_sets([path for path in given if path not in own])
    called = own | {path: name for name, path in free.items()}
    _once("name", [called[path] for path in given], "a name that no other set has")
    return {called[path]: path for path in given}


def _by_set(given: Sequence[str], option: str, names: Sequence[str]) -> dict[str, str]:
    """What is said of one set goes before what is said of all."""
    found: dict[str, str] = {}
    for one in given:
        if "=" not in one:
            found = dict.fromkeys(names, one)
    for one in given:
        if "=" in one:
            name, value = _split(one, option, "NAME=VALUE, or a value for all sets")
            if name not in names:
                raise _refused(option, name, f"a set: {', '.join(names)}")
            found[name] = value
    return found


def _once(option: str, given: Sequence[str], expected: str) -> None:
    for one, count in Counter(given).items():
        if count > 1:
            raise _refused(option, one, expected)


def _split(given: str, option: str, form: str) -> tuple[str, str]:
    name, _, value = given.partition("=")
    if not name or not value:
        raise _refused(option, given, form)
    return name, value


def _refused(option: str, given: str, expected: str) -> SpecRefused:
    return SpecRefused([Fault(path=option, given=given, expected=expected)])
