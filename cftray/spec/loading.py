"""From YAML or JSON text to a spec, or to every fault in it at once."""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from cftray.errors import Fault, SpecRefused, nearest
from cftray.spec.base import SpecModel
from cftray.spec.evaluating import ModelEvaluationSpec
from cftray.spec.experiment import ExperimentSpec
from cftray.spec.similarity import SimilaritySpec

Spec = TypeVar("Spec", bound=SpecModel)

GIVEN_LENGTH = 80
"""Characters of an offending value that a message repeats."""


def parse_document(text: str) -> dict[str, Any]:
    """A mapping from YAML or JSON text (JSON is YAML). Raises SpecRefused where it is neither."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f"line {place.line + 1}, column {place.column + 1}" if place else "the text"
        problem = getattr(error, "problem", None) or "can't be read"
        raise SpecRefused([Fault(path=where, given=str(problem), expected="YAML or JSON")]) from error
    if not isinstance(document, dict):
        kind = type(document).__name__
        raise SpecRefused([Fault(path="$", given=kind, expected="a mapping of fields, such as `name: …`")])
    return document


def experiment_from_document(document: dict[str, Any]) -> ExperimentSpec:
    """A checked spec. Raises SpecRefused with every fault."""
    return _checked(document, ExperimentSpec)


def evaluation_from_document(document: dict[str, Any]) -> ModelEvaluationSpec:
    """The checked spec of an evaluation of one model. Raises SpecRefused with every fault."""
    return _checked(document, ModelEvaluationSpec)


def similarity_from_document(document: dict[str, Any]) -> SimilaritySpec:
    """The checked spec of a comparison of data sets. Raises SpecRefused with every fault."""
    return _checked(document, SimilaritySpec)


def _checked(document: dict[str, Any], kind: type[Spec]) -> Spec:
    try:
        # JSON's rules, not Python's: a list is as good as a tuple, a string names an enum's member.
        return kind.model_validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise SpecRefused(faults_of(error, kind)) from error


def experiment_from_file(path: Path) -> ExperimentSpec:
    """The spec in a YAML or JSON file. Raises SpecRefused, or OSError where the file can't be read."""
    return experiment_from_document(parse_document(path.read_text(encoding="utf-8")))


def faults_of(error: ValidationError, model: type[BaseModel]) -> tuple[Fault, ...]:
    """Pydantic's errors in our words: path, what was given, what is accepted."""
    return tuple(_fault(detail, model) for detail in error.errors(include_url=False))


def _fault(detail: Any, model: type[BaseModel]) -> Fault:
    path, fields = _walk(model, detail["loc"])
    given = detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            return Fault(path=path, given="unknown field", expected=nearest(str(detail["loc"][-1]), fields))
        case "missing":
            return Fault(path=path, given="missing", expected="this field is required")
        case "enum" | "literal_error":
            expected = str(detail["ctx"]["expected"]).replace("'", "").replace(" or ", ", ")
            return Fault(path=path, given=_shorten(given), expected=nearest(str(given), expected.split(", ")))
        case _:
            return Fault(path=path, given=_shorten(given), expected=_expected(detail["msg"]))


def _expected(message: str) -> str:
    for prefix in ("Input should be ", "Value error, ", "String should ", "Value should "):
        message = message.removeprefix(prefix)
    return message


def _shorten(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str) if not isinstance(value, str) else value
    return text if len(text) <= GIVEN_LENGTH else text[: GIVEN_LENGTH - 1] + "…"


def _walk(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[str, list[str]]:
    """The dotted path without union tags, and the field names known where the path ends."""
    parts: list[str] = []
    current: object = model
    known: list[str] = []
    for step in location:
        if isinstance(step, int):
            parts.append(f"[{step}]")
            current = _element(current)
            continue
        if step in _tags(current):
            current = _tags(current)[step]
            continue
        names = _fields(current)
        known = list(names)
        parts.append(step)
        current = names.get(step, _entry(current))
    return ".".join(parts).replace(".[", "[") or "$", known


def _fields(annotation: object) -> dict[str, object]:
    for candidate in _candidates(annotation):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return {name: field.annotation for name, field in candidate.model_fields.items()}
    return {}


def _candidates(annotation: object) -> list[object]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _candidates(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [one for arg in typing.get_args(annotation) for one in _candidates(arg)]
    return [annotation]


def _tags(annotation: object) -> dict[str, object]:
    """The members of a discriminated union by tag."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *notes = typing.get_args(annotation)
        for note in notes:
            if hasattr(note, "tag"):
                return {note.tag: inner}
        return _tags(inner)
    if origin in (typing.Union, types.UnionType):
        found: dict[str, object] = {}
        for arg in typing.get_args(annotation):
            found |= _tags(arg)
        return found
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and "kind" in annotation.model_fields:
        return {str(annotation.model_fields["kind"].default): annotation}
    return {}


def _entry(annotation: object) -> object:
    """What a mapping's values are."""
    return typing.get_args(annotation)[1] if typing.get_origin(annotation) is dict else None


def _element(annotation: object) -> object:
    arguments = typing.get_args(annotation)
    return arguments[0] if arguments else None
