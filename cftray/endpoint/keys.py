"""Keys: read where they are used, and never shown.

A key's only way out is `reveal`, into a header. Whatever a server sends back goes through `hide` before
anybody sees it: a server may echo what it was sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NoReturn

from cftray.errors import EndpointRefused

SHORTEST = 8
"""A shorter key could not be told from ordinary text in an answer."""
HIDDEN = "[key]"


class Key:
    """A secret whose representation, copies by pickle included, never holds it. `variable` may be told."""

    __slots__ = ("_value", "variable")

    def __init__(self, variable: str, value: str) -> None:
        self.variable = variable
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def hide(self, text: str) -> str:
        """`text` without the secret, written plainly or as JSON would."""
        for form in self._forms():
            text = text.replace(form, HIDDEN)
        return text

    def shows_in(self, text: str) -> bool:
        """Whether `text` holds the secret."""
        return any(form in text for form in self._forms())

    def _forms(self) -> tuple[str, ...]:
        escaped = json.dumps(self._value)[1:-1]
        return (self._value, escaped, escaped.replace("/", "\\/"))

    def __repr__(self) -> str:
        return f"Key({self.variable}: {HIDDEN})"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is read where it is used, not sent there")


def read_key(endpoint: str, variable: str, environment: Mapping[str, str]) -> Key:
    """The key in `variable`. Raises EndpointRefused where there is none that could be sent."""
    value = environment.get(variable, "").strip()
    problem = None
    if not value:
        problem = "is not set where the work runs; set it before Ray and the API are started"
    elif not (value.isascii() and value.isprintable()) or " " in value:
        problem = "holds characters that no key has (spaces, line ends, letters beyond ASCII); see how it was set"
    elif len(value) < SHORTEST:
        problem = (
            f"holds {len(value)} characters, and a key has {SHORTEST} or more; "
            "for a server without keys leave key_env out"
        )
    if problem is not None:
        raise EndpointRefused(f"endpoint {endpoint}: its key's environment variable {variable} {problem}")
    return Key(variable, value)
