"""Files of the service on this machine's disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from cftray.client_errors import Unreachable, refusal


def save(http: httpx.Client, path: str, target: Path, params: Mapping[str, Any]) -> Path:
    """GET `path` into `target`; what came is held against the digest that the answer bears as its ETag.

    Raises SpecRefused, Refused or Unreachable, the latter also where the file was cut off; then `target` is as before.
    httpx.TransportError passes through.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256()
    try:
        with http.stream("GET", path, params=dict(params)) as response:
            if response.is_error:
                response.read()
                raise refusal(response)
            with open(part, "wb") as file:
                for chunk in response.iter_bytes():
                    digest.update(chunk)
                    file.write(chunk)
            expected = response.headers.get("etag", "").removeprefix("W/").strip('"')
        found = digest.hexdigest()
        if expected and expected != found:
            raise Unreachable(f"{path} came damaged: its sha256 is {found}, {expected} was told; ask again")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def written(target: Path, text: str) -> Path:
    """A text saved as UTF-8, the folder made where it is missing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target
