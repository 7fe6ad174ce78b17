"""Local paths of a spec become variables, and variables paths again on another machine."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from cftray.bundle.document import Json, Place
from cftray.client_documents import LOCAL, MODELS, URL, VARIABLE, path_fields
from cftray.errors import Fault, SpecRefused

PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Variables by the paths that they stand for, and the fields of the spec that hold each path."""

    variables: Mapping[str, str]
    fields: Mapping[str, tuple[str, ...]]

    def blank(self, value: Any) -> Any:
        """The same JSON with a variable wherever one of the paths stands, in the midst of a message too."""
        match value:
            case str():
                for path in sorted(self.variables, key=len, reverse=True):
                    value = value.replace(path, f"${{{self.variables[path]}}}")
                return value
            case dict():
                return {key: self.blank(one) for key, one in value.items()}
            case list() | tuple():
                return [self.blank(one) for one in value]
            case _:
                return value

    def listed(self, digests: Mapping[str, str | None]) -> tuple[Place, ...]:
        """Each place; `digests` are of contents, by path."""
        return tuple(
            Place(variable=variable, name=_end(path), fields=self.fields[path], digest=digests.get(path))
            for path, variable in self.variables.items()
        )


def places_of(spec: Json) -> Places:
    """The local paths that a spec's document names, each with a variable named after it."""
    variables: dict[str, str] = {}
    fields: dict[str, tuple[str, ...]] = {}
    for holder, key, where in path_fields(json.loads(json.dumps(spec)), ""):
        path = holder[key]
        model = key in MODELS
        if _remote(path) or (model and not LOCAL.match(path)):
            continue
        fields[path] = (*fields.get(path, ()), where)
        if path not in variables:
            variables[path] = _variable(path, "MODEL" if model else "DATA", set(variables.values()))
    return Places(variables=variables, fields=fields)


def filled(spec: Json, places: tuple[Place, ...], given: Mapping[str, str]) -> Json:
    """The spec with paths for its variables, from `given` or else from the environment.

    Raises SpecRefused: every place that nobody gave, and what of `given` is no place of the bundle.
    """
    known = {place.variable: place for place in places}
    faults = [
        Fault(path=name, given=path, expected=f"no file of this bundle; its files: {', '.join(known) or 'none'}")
        for name, path in given.items()
        if name not in known
    ]
    found = {name: path for name in known if (path := given.get(name) or os.environ.get(name))}
    faults += [_missing(place) for name, place in known.items() if name not in found]
    if faults:
        raise SpecRefused(faults)
    document: Json = json.loads(json.dumps(spec))
    for holder, key, _ in path_fields(document, ""):
        match = VARIABLE.fullmatch(holder[key])
        if match is not None and (match[1] or match[2]) in found:
            holder[key] = os.path.abspath(os.path.expanduser(found[match[1] or match[2]]))
    return document


def _missing(place: Place) -> Fault:
    told = f" with digest {place.digest[:12]}…" if place.digest else ""
    expected = f"{place.name}{told}: give --set {place.variable}=PATH, or set the environment variable"
    return Fault(path=", ".join(place.fields), given=f"${{{place.variable}}}", expected=expected)


def _remote(path: str) -> bool:
    return URL.match(path) is not None and not path.startswith("file:")


def _end(path: str) -> str:
    """The last part of a path; of a pattern, with its folder."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[-2:] if PATTERN.search(parts[-1]) and len(parts) > 2 else parts[-1:])


def _variable(path: str, kind: str, taken: set[str]) -> str:
    end = PurePosixPath(_end(path))
    stem = end.parts[0] if len(end.parts) > 1 else end.name.partition(".")[0]
    name = f"{re.sub(r'[^A-Za-z0-9]+', '_', stem).strip('_').upper() or 'THE'}_{kind}"
    name = f"_{name}" if name[0].isdigit() else name
    return next(one for n in itertools.count(1) if (one := name if n == 1 else f"{name}_{n}") not in taken)
