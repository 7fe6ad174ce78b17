"""Rows in files of our own, and records of anyone's data set as drafts of rows.

An adapter knows one layout of records. Most are a choice of fields (`NAMED`); chats have a rule: the
row is the first exchange, that is the first user message and the first answer after it, with the
system message before them; whether there was more is told, so that it can be counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from cftray.data.rows import Row
from cftray.spec.data import Adapter
from cftray.spec.rows import Columns


class BadRecord(Exception):
    """What is wrong with one record, as the second half of a sentence about it."""


class Draft(NamedTuple):
    """A record as an adapter understands it. `id` and `language` are the record's own, if it has them."""

    instruction: str
    output: str
    input: str = ""
    system: str = ""
    language: str | None = None
    id: str | None = None
    null_input: bool = False
    more_turns: bool = False


Adapt = Callable[[Any], Draft]
"""From a record to a draft. Raises BadRecord."""

NAMED: dict[Adapter, Columns] = {
    Adapter.ALPACA: Columns(instruction="instruction", input="input", output="output"),
    Adapter.MULTIALPACA: Columns(instruction="instruction", input="input", output="output"),
    Adapter.OPENORCA: Columns(id="id", system="system_prompt", instruction="question", output="response"),
    Adapter.DOLLY: Columns(instruction="instruction", input="context", output="response"),
}
"""Adapters that are a choice of fields. Alpaca and MultiAlpaca differ in that `input` is null in half of the latter."""

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "bing": "assistant",
    "bard": "assistant",
}
"""The two sides of a chat, and the system, as sets name them."""

TOOLS = frozenset({"tool", "tool_call", "function", "function_call", "observation", "ipython"})
"""Roles that speak between a question and its answer, and are no side of the chat."""

NOUNS: dict[type, str] = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


def adapter_of(adapter: Adapter, columns: Columns | None) -> Adapt:
    """The function of an adapter."""
    if adapter is Adapter.CHAT:
        return chat
    chosen = NAMED[adapter] if columns is None else columns
    return lambda record: from_columns(record, chosen)


def from_columns(record: Any, columns: Columns) -> Draft:
    """A draft from the fields that `columns` names. Only instruction and output must be there."""
    record = _object(record)
    missing = [name for name in (columns.instruction, columns.output) if field(record, name) is ABSENT]
    if missing:
        raise BadRecord(f"has no {' and no '.join(missing)} ({_fields(record)}); the adapter needs them")
    given = _text(record, columns.input)
    return Draft(
        instruction=_text(record, columns.instruction) or "",
        output=_text(record, columns.output) or "",
        input=given or "",
        system=_text(record, columns.system) or "",
        language=_name(record, columns.language),
        id=_name(record, columns.id),
        null_input=given is None and columns.input is not None,
    )


def chat(record: Any) -> Draft:
    """OpenAI's `messages` (also those of its preference format, where the preferred answer counts) or
    ShareGPT's `conversations`."""
    record = _object(record)
    turns = [_turn(one) for one in _messages(record)]
    first = next((place for place, (role, _) in enumerate(turns) if role == "user"), len(turns))
    answer = next((place for place, (role, _) in enumerate(turns) if role == "assistant" and place > first), None)
    systems = [text for role, text in turns[:first] if role == "system"]
    exchanged = [role for role, _ in turns if role != "system"]
    own = record.get("system")
    unknown = {role for role, _ in turns} - set(ROLES.values()) - TOOLS
    if answer is None and unknown:
        raise BadRecord(f"has messages by {', '.join(sorted(unknown))[:80]}; roles that are known: {', '.join(ROLES)}")
    return Draft(
        instruction=turns[first][1] if first < len(turns) else "",
        output="" if answer is None else turns[answer][1],
        system=systems[0] if systems else own.strip() if isinstance(own, str) else "",
        id=_name(record, "id"),
        more_turns=answer is not None and exchanged != ["user", "assistant"],
    )


class _Absent:
    """The type of ABSENT."""


ABSENT = _Absent()
"""What a field has that is not there; null is there."""


def field(record: Any, name: str) -> Any:
    """The value of a field, or ABSENT. Dots lead into objects and lists, unless the whole is a field's name."""
    if isinstance(record, Mapping) and name in record:
        return record[name]
    head, dot, rest = name.partition(".")
    if not dot:
        return _step(record, head)
    return field(_step(record, head), rest)


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Rows as JSON lines, every field written; returns how many."""
    count = 0
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
            count += 1
    return count


def iterate_rows(path: Path) -> Iterator[Row]:
    """Rows that `write_rows` wrote, one at a time."""
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield Row(**json.loads(line))


def read_rows(path: Path) -> list[Row]:
    """Rows that `write_rows` wrote."""
    return list(iterate_rows(path))


def _step(record: Any, name: str) -> Any:
    if isinstance(record, Mapping):
        return record.get(name, ABSENT)
    if isinstance(record, list) and name.isdecimal() and int(name) < len(record):
        return record[int(name)]
    return ABSENT


def _object(record: Any) -> Mapping[str, Any]:
    if isinstance(record, BadRecord):
        raise record
    if not isinstance(record, Mapping):
        raise BadRecord(f"is {noun(record)}; expected an object with fields")
    return record


def _text(record: Mapping[str, Any], name: str | None) -> str | None:
    """Stripped text of a field; None where it is null, missing or not asked for."""
    value = None if name is None else field(record, name)
    if value is None or value is ABSENT:
        return None
    if not isinstance(value, str):
        raise BadRecord(f"{name} is {noun(value)}; expected text")
    return _clean(value, str(name))


def _name(record: Mapping[str, Any], name: str | None) -> str | None:
    """An id or a code: text or a whole number."""
    value = None if name is None else field(record, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        return None
    return _clean(str(value), str(name))


def _clean(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRecord(f"{name} has {half_a_character(value[error.start])}") from error
    return value.strip() if any(one.isprintable() and not one.isspace() for one in value) else ""


def half_a_character(one: str) -> str:
    """What a lone surrogate stands for: a byte that could not be decoded, or half of a pair."""
    if "\udc80" <= one <= "\udcff":
        return f"a byte that is not UTF-8 (0x{ord(one) - 0xDC00:02X}), as in a file in Windows-1252 (iconv converts it)"
    return f"half a surrogate pair ({one!r})"


def noun(value: object) -> str:
    """What a value of JSON is, with its article."""
    return NOUNS.get(type(value), f"a {type(value).__name__}")


def _fields(record: Mapping[str, Any]) -> str:
    """Names of a record's fields, fit for a message whatever they are made of."""
    found = ", ".join(sorted(map(str, record))) or "no fields"
    return found[:200].encode(errors="backslashreplace").decode()


def _messages(record: Mapping[str, Any]) -> list[Any]:
    for name in ("messages", "conversations"):
        if isinstance(record.get(name), list):
            return list(record[name])
    asked = record.get("input")
    if isinstance(asked, Mapping) and isinstance(asked.get("messages"), list):
        return [*asked["messages"], *(record.get("preferred_output") or [])]
    raise BadRecord(f"has no list of messages or conversations ({_fields(record)}); the chat adapter needs one")


def _turn(message: Any) -> tuple[str, str]:
    """(role, text) of a message in either style; a role that is neither side's nor the system's stays as it is."""
    if not isinstance(message, Mapping):
        raise BadRecord(f"has a message that is {noun(message)}; expected role and content")
    role = message.get("role", message.get("from"))
    content = message.get("content", message.get("value"))
    if not isinstance(role, str):
        raise BadRecord(f"has a message without role or from ({_fields(message)})")
    if isinstance(content, list):
        content = "".join(_part(one) for one in content)
    if content is not None and not isinstance(content, str):
        raise BadRecord(f"has a message whose content is {noun(content)}; expected text")
    return ROLES.get(role.lower(), role), _clean(content or "", "a message")


def _part(part: Any) -> str:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return str(part["text"])
    raise BadRecord("has a message with a part that is not text; only text can be learned")
