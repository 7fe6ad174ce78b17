"""What a translation has to pass, field by field; the first thing wrong with it is its reason.

    unanswered    the translator gave nothing
    protected     a span that must stay is gone, twice there, or an integer is missing
    structure     other lines, or lines that open otherwise
    unchanged     the source again
    length        too short or too long for its source
    repetition    ends in one passage over and over, which its source does not
    language      reads as another language
    similarity    another meaning, by a sentence encoder

Short fields (under `JUDGED` letters without what stays) can't be judged by length or language: a name stays a name.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from cftray.errors import ModelError
from cftray.generation.usable import is_looping
from cftray.spec.translation import GateSettings
from cftray.translation.dictionary import is_in
from cftray.translation.sentences import skeleton
from cftray.translation.spans import integers, prose

REASONS: Final = (
    "unanswered", "protected", "structure", "unchanged", "length", "repetition", "language", "similarity",
)  # fmt: skip
JUDGED: Final = 40

Identify = Callable[[str, str], bool]
"""(text, code): whether a text may be of that language."""

Encode = Callable[[Sequence[str]], Any]
"""Texts to an array of their normalised embeddings, (texts, dimensions)."""

_ALIKE: Final = (
    frozenset({"nb", "nn", "no", "da"}),
    frozenset({"bs", "hr", "sr"}),
    frozenset({"id", "ms"}),
    frozenset({"cs", "sk"}),
    frozenset({"gl", "pt"}),
    frozenset({"af", "nl"}),
    frozenset({"zh", "yue"}),
)
"""Languages that identification takes for each other too often to set a row aside for it."""


def fault_of(source: str, result: str, into: str, settings: GateSettings, identify: Identify | None) -> str | None:
    """What is wrong with the translation of one field, spans aside (they are checked where they are put back)."""
    if not source.strip():
        return None
    return next((reason for reason, wrong in _checks(source, result, into, settings, identify) if wrong), None)


def _checks(
    source: str, result: str, into: str, settings: GateSettings, identify: Identify | None
) -> Iterator[tuple[str, bool]]:
    """(reason, whether it holds) from the cheapest to the dearest."""
    told, asked = prose(result).strip(), prose(source).strip()
    letters = sum(map(str.isalpha, asked))
    yield "protected", bool(integers(source) - integers(result))
    yield "structure", skeleton(source) != skeleton(result)
    yield "length", letters > 0 and not any(map(str.isalpha, told))
    yield "repetition", is_looping(result) and not is_looping(source)
    if letters < JUDGED:
        return
    yield "unchanged", told == asked
    yield "length", not settings.min_ratio <= len(told) / len(asked) <= settings.max_ratio
    if settings.language and identify is not None:
        yield "language", not identify(told, into)


def in_phrase_book(text: str, code: str) -> bool:
    """The miniature's languages: every word is one of theirs."""
    return is_in(text, code)


def in_the_wild(text: str, code: str) -> bool:
    """By lingua, over all of its languages; true for a language that it does not know."""
    detector, known = _lingua()
    if code not in known:
        return True
    found = detector.detect_language_of(text)
    told = None if found is None else found.iso_code_639_1.name.lower()
    return told == code or any({told, code} <= group for group in _ALIKE)


@functools.cache
def _lingua() -> tuple[Any, frozenset[str]]:
    """The detector, made at its first use, and the ISO 639-1 codes of its languages; `nb` stands for `no` too."""
    try:
        from lingua import Language, LanguageDetectorBuilder
    except ImportError as error:
        raise ModelError(
            "language identification needs the package lingua-language-detector; install cftray[worker], or set "
            "gate.language: false"
        ) from error
    known = {one.iso_code_639_1.name.lower() for one in Language.all()}
    detector = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().build()
    return detector, frozenset(known | ({"no"} if "nb" in known else set()))


def sentence_encoder(folder: Path) -> Encode:
    """A sentence encoder's folder (LaBSE or another) as a function. Raises ModelError where it does not load."""
    from sentence_transformers import SentenceTransformer

    try:
        model = SentenceTransformer(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder.name}: does not load as a sentence encoder: {error}") from error
    return lambda texts: model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
