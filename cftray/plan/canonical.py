"""Canonical JSON and sha256: the one way a value becomes a fingerprint.

A value that can't be written canonically (a float that is not finite, a set, an object) is an error:
guessing a hash for it would serve wrong results later.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from cftray.errors import InternalError

AS_THEY_ARE = frozenset({type(None), bool, int, str})
"""Kinds that JSON has; what is derived from them is told apart from enumerations first."""


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces. Raises InternalError for what can't be hashed."""
    try:
        plain = _plain(value)
    except _Unfit as unfit:
        raise InternalError(f"${''.join(unfit.path)}: {unfit.reason}") from None
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: object) -> str:
    """Hexadecimal sha256 of the canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


class _Unfit(Exception):
    """A value that can't be hashed; `path` grows on the way out, so that nobody pays for it who has none."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: list[str] = []


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in AS_THEY_ARE or (kind is float and math.isfinite(value)):
        return value
    match value:
        case Enum():
            return _plain(value.value)
        case bool() | int() | str() | float() if not isinstance(value, float) or math.isfinite(value):
            return value
        case BaseModel():
            return _fields(kind.model_fields, value.__dict__)
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise _Unfit(f"a fingerprint needs string keys, got {list(value)!r}")
            return _fields(value, value)
        case list() | tuple():
            return _elements(value)
    raise _Unfit(f"a {kind.__name__} can't be part of a fingerprint")


def _fields(names: Iterable[str], values: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name in names:
        try:
            found[name] = _plain(values[name])
        except _Unfit as unfit:
            unfit.path.insert(0, f".{name}")
            raise
    return found


def _elements(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        try:
            found.append(_plain(value))
        except _Unfit as unfit:
            unfit.path.insert(0, f"[{len(found)}]")
            raise
    return found
