"""From what a person holds, a spec, a document or a file, to the document that is sent.

The service runs elsewhere, so paths are made absolute here: a file's are relative to the file, others
to the working folder. `$VAR` and `${VAR}` in paths stand for environment variables.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from cftray.errors import CFTRayError, Fault, SpecRefused

Source = Any
"""An ExperimentSpec or other pydantic model, a mapping, or the path of a YAML or JSON file."""

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
URL = re.compile(r"[a-z][a-z0-9+.-]*://")
LOCAL = re.compile(r"[.~/]")
"""How a model begins that is a folder for sure; others may be hub ids, or `mini:base`."""


MODELS = ("model", "base", "adopt", "encoder")
"""Fields that hold a model."""


class UnreadableSpec(CFTRayError):
    """A spec file that can't be read."""

    code = "unreadable-spec"


def document_of(source: Source) -> dict[str, Any]:
    """The JSON document of a spec. Raises SpecRefused, UnreadableSpec."""
    if isinstance(source, str | Path):
        return _from_file(Path(source))
    document = source.model_dump(mode="json") if hasattr(source, "model_dump") else json.loads(json.dumps(source))
    return _resolved(document, Path.cwd())


def _from_file(path: Path) -> dict[str, Any]:
    from cftray.spec import parse_document

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise UnreadableSpec(f"{path}: {reason}; expected a spec in YAML or JSON") from error
    document = json.loads(json.dumps(parse_document(text), default=str))
    return _resolved(document, path.absolute().parent)


def _resolved(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    faults: list[Fault] = []
    for holder, key, where in path_fields(document, ""):
        given = holder[key]
        missing = [name for name in _names(given) if name not in os.environ]
        faults += [
            Fault(path=where, given=given, expected=f"the environment variable {name} is not set") for name in missing
        ]
        if not missing:
            holder[key] = _absolute(given, folder, model=key in MODELS)
    if faults:
        raise SpecRefused(faults)
    return document


def path_fields(node: Any, where: str) -> Iterator[tuple[MutableMapping[str, Any], str, str]]:
    """Fields that may hold a path: `path` of data, `model`, the short forms of a model reference, and every file of
    an evaluation's benchmarks."""
    if isinstance(node, list):
        for index, one in enumerate(node):
            yield from path_fields(one, f"{where}[{index}]")
    if not isinstance(node, Mapping):
        return
    for key, value in node.items():
        place = f"{where}.{key}" if where else str(key)
        if isinstance(value, str):
            named = key == "path" or key in MODELS or where.endswith("evaluation.data")
            if named and isinstance(node, MutableMapping):
                yield node, key, place
        else:
            yield from path_fields(value, place)


def _names(text: str) -> list[str]:
    return [braced or bare for braced, bare in VARIABLE.findall(text)]


def _absolute(given: str, folder: Path, *, model: bool) -> str:
    """With variables filled in. A URL stays; a model that looks like a hub id is one, unless it is a
    folder here."""
    text = VARIABLE.sub(lambda match: os.environ[match[1] or match[2]], given)
    if URL.match(text):
        return text
    path = folder / Path(text).expanduser()
    if model and not LOCAL.match(text) and not path.is_dir():
        return text
    return os.path.normpath(path)
