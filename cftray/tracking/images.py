"""What a run or logged model should look like. An image is compared with what the tracker has, and only
the difference is written: writing anew, going on and repairing are one and the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from cftray.tracking.tracker import KEY_LENGTH, TAG_LENGTH, Point, RunStatus

PARAM_LENGTH = 500
"""Characters of a parameter that are shown; the whole spec is an artifact."""

NOTE_TAG = "mlflow.note.content"
NOTE_END = "*Written by CFTRay. A text without this line is yours, and stays as it is.*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of files that never change, by its place and the sha256 of what is in it."""

    place: Path
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunImage:
    """A run, found by the tags in `identity`, which are part of `tags`.

    `everywhere`: the run is looked for in all projects. `texts` and `folders` are artifacts by path. `layers` are
    figures of a model's layers, the layer as step, written together. `note` is Markdown, shown as the run's
    description. `status` None leaves the state as it is.
    """

    project: str
    name: str
    identity: Mapping[str, str]
    started_at: int
    everywhere: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    layers: tuple[Point, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Folder] = field(default_factory=dict)
    note: str | None = None
    status: RunStatus | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelImage:
    """A logged model. `made_by` and `scored_by` are names of stages; points wait for the scores."""

    project: str
    name: str
    identity: Mapping[str, str]
    kind: str
    made_by: str
    scored_by: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: tuple[Point, ...] = ()


def milliseconds(moment: datetime | str) -> int:
    """Milliseconds since the epoch of an aware time or its ISO 8601 text."""
    aware = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return round(aware.timestamp() * 1000)


def points_of(figures: Mapping[str, float], at: int) -> tuple[Point, ...]:
    """Points at step 0. A record's figures are finite: it can't be written otherwise."""
    return tuple(Point(name=name[:KEY_LENGTH], value=value, at=at) for name, value in figures.items())


def shortened(text: str, length: int = TAG_LENGTH) -> str:
    """At most `length` characters, saying how many there were."""
    if len(text) <= length:
        return text
    end = f"… ({len(text)} characters)"
    return text[: length - len(end)] + end


def flattened(value: BaseModel, prefix: str = "", leave_out: frozenset[str] = frozenset()) -> dict[str, str]:
    """A model's fields as parameters, by their paths: `phase2.hyperparameters.learning_rate`."""
    flat: dict[str, str] = {}
    for name in type(value).model_fields:
        if name in leave_out:
            continue
        one, path = getattr(value, name), f"{prefix}{name}"
        if isinstance(one, BaseModel):
            flat |= flattened(one, f"{path}.")
        else:
            flat[path[:KEY_LENGTH]] = shortened(_words(one), PARAM_LENGTH)
    return flat


def _words(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case tuple():
            return ", ".join(_words(one) for one in value)
        case _:
            return str(value)
