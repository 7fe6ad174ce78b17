"""A request's body becomes a plain document, or a refusal: whatever bytes a client sends.

A document is bounded in depth and in nodes, counted with every YAML alias spelled out, so that a
kilobyte of aliases can't grow into gigabytes.
"""

from __future__ import annotations

import json
import math
from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.refusals import UnsupportedBody
from cftray.errors import Fault, SpecRefused
from cftray.spec import parse_document

JSON_TYPES = frozenset({"application/json"})
YAML_TYPES = frozenset({"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"})
MAX_DEPTH = 32
MAX_NODES = 50_000


async def read_document(request: Request) -> dict[str, Any]:
    """The body as a mapping. Raises UnsupportedBody or SpecRefused.

    The type has to be named: a web page may send an unnamed one to another site without asking.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in JSON_TYPES | YAML_TYPES:
        raise UnsupportedBody(f"content type {kind[:80] or 'missing'}; expected application/json or application/yaml")
    body = await request.body()
    return await run_in_threadpool(parse_body, body, json_only=kind in JSON_TYPES)


def parse_body(body: bytes, *, json_only: bool) -> dict[str, Any]:
    """A bounded mapping from JSON or YAML bytes. Raises SpecRefused."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(f"byte {error.start} is not UTF-8", "text in UTF-8") from error
    try:
        document = _json(text) if json_only else parse_document(text)
        _check(document)
    except RecursionError as error:
        raise _refused("nested too deeply", f"at most {MAX_DEPTH} levels") from error
    except ValueError as error:  # numbers and dates that no Python value stands for
        raise _refused(str(error).partition(";")[0][:120], "YAML or JSON") from error
    return document


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise SpecRefused([Fault(path=place, given=error.msg, expected="JSON")]) from error
    if not isinstance(document, dict):
        raise _refused(type(document).__name__, 'a mapping of fields, such as {"name": …}')
    return document


def _check(document: dict[str, Any]) -> None:
    """Raises SpecRefused for what JSON could not say, or for more than a spec could hold."""
    nodes = 0
    stack: list[tuple[str, object, int]] = [("$", document, 0)]
    while stack:
        path, value, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise _refused("too large", f"at most {MAX_DEPTH} levels and {MAX_NODES} values, aliases spelled out")
        match value:
            case dict():
                for key, one in value.items():
                    if not isinstance(key, str) or not _clean(key):
                        raise _refused(f"field {str(key)[:40]!r}", "names of fields are text", path)
                    stack.append((f"{path}.{key[:40]}".removeprefix("$."), one, depth + 1))
            case list():
                stack.extend((f"{path}[{n}]", one, depth + 1) for n, one in enumerate(value))
            case str() if not _clean(value):
                raise _refused("a character that no text has", "text without NUL and lone surrogates", path)
            case int() if abs(value) >= 1 << 63:
                raise _refused("a number of more than 64 bits", "a number that a spec could need", path)
            case float() if not math.isfinite(value):
                raise _refused(str(value), "a finite number", path)
            case _:
                pass


def _clean(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _refused(given: str, expected: str, path: str = "$") -> SpecRefused:
    return SpecRefused([Fault(path=path, given=given, expected=expected)])
