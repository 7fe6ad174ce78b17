"""What translates, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cftray.translation.sentences import Unit


class Translator(Protocol):
    """Translates texts; one text's translation may depend on the others given with it, never on earlier calls.

    `identity` tells it from others in the record; `unit` is what it is best given at a time.
    """

    @property
    def identity(self) -> str: ...

    @property
    def unit(self) -> Unit: ...

    def fits(self, text: str) -> bool:
        """Whether a text is short enough to be translated whole."""

    def translate(
        self, texts: Sequence[str], source: str, target: str, *, again: bool = False
    ) -> list[str | None]:
        """A translation of each, in order; None for what it could not translate.

        Markers such as `[0]` are to be kept. `again`: these failed before, so another decoding is worth a try.
        """
