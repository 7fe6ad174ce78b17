"""Canonical JSON and sha256: the one way a value becomes a fingerprint.

A value that can't be written canonically (a float that is not finite, a set, an object) is an error:
guessing a hash for it would serve wrong results later.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from cftray.errors import InternalError


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces. Raises InternalError for what can't be hashed."""
    return json.dumps(_plain(value, "$"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_of(value: object) -> str:
    """Hexadecimal sha256 of the canonical form."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def _plain(value: object, path: str) -> Any:
    match value:
        case Enum():
            return _plain(value.value, path)
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case BaseModel():
            return {name: _plain(getattr(value, name), f"{path}.{name}") for name in type(value).model_fields}
        case Mapping():
            if not all(isinstance(key, str) for key in value):
                raise InternalError(f"{path}: a fingerprint needs string keys, got {list(value)!r}")
            return {key: _plain(one, f"{path}.{key}") for key, one in value.items()}
        case list() | tuple():
            return [_plain(one, f"{path}[{n}]") for n, one in enumerate(value)]
        case _:
            raise InternalError(f"{path}: a {type(value).__name__} can't be part of a fingerprint")
