"""What a translation model is told of a language: a token of its tokenizer.

    nllb      eng_Latn before the source, deu_Latn as the first token of the answer
    m2m100    __en__ before the source, __de__ as the first token of the answer
    madlad    <2de> before the source, nothing at the answer
"""

from __future__ import annotations

from typing import Final, Literal

from cftray.errors import ModelError, nearest
from cftray.spec.languages import LANGUAGES, language_of

Family = Literal["nllb", "m2m100", "madlad"]

_TOKENS: Final[dict[Family, str]] = {"nllb": "{}", "m2m100": "__{}__", "madlad": "<2{}>"}


def language_token(code: str, family: Family) -> str:
    """The token by which a family names a language. Raises ModelError for one that it does not know."""
    language = language_of(code)
    own = getattr(language, family, None)
    if own is None:
        known = [one.code for one in LANGUAGES.values() if getattr(one, family)]
        raise ModelError(f"{code}: not a language of {family}; {nearest(code, known)}")
    return _TOKENS[family].format(own)
