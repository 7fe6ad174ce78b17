"""What a word is, by language, for texts whose punctuation is gone already.

- written with spaces: what stands between them
- zh: each ideograph by itself, other characters between spaces, which is MLQA's mixed segmentation
  (mlqa_evaluation_v1.py; Lewis et al., MLQA, 2020)
- ja: MLQA's idea carried on: each ideograph and each hiragana by itself, runs of katakana, of letters and of
  digits whole. A rule, hence the same everywhere and without a dictionary
- th: newmm, maximal matching with PyThaiNLP's dictionary (Phatthiyaphaibun et al., PyThaiNLP, 2023), as XL-Sum's
  own ROUGE, SEA-HELM and thai2transformers' XQuAD do. Letters would not do: two spans that have nothing to do with
  each other share a third of them

A change here changes scores: give the segmentation a new name in SEGMENTATIONS.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Final

from cftray.errors import InternalError, nearest

PYTHAINLP: Final = "5.4.0"
"""Its dictionary decides what a Thai word is."""

SEGMENTATIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ar", "de", "el", "en", "es", "fr", "hi", "ro", "ru", "tr", "vi"), "spaces-1"),
    "zh": "mlqa-mixed-1",
    "ja": "scripts-1",
    "th": f"newmm of pythainlp {PYTHAINLP}",
}
"""By language, with a version."""

_MIXED: Final = re.compile(r"[\u4e00-\u9fa5]|[^\s\u4e00-\u9fa5]+")
"""The range is MLQA's."""

_ALONE: Final = r"\u3005\u3006\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KATAKANA: Final = r"\u30a1-\u30ff"
_SCRIPTS: Final = re.compile(rf"[{_ALONE}]|[{_KATAKANA}]+|[^\s{_ALONE}{_KATAKANA}]+")


def segment(text: str, language: str) -> list[str]:
    """The words of `text`, none of them empty. Raises InternalError where the language has no rule here."""
    return _rule(language)(text)


def _rule(language: str) -> Callable[[str], list[str]]:
    if language not in SEGMENTATIONS:
        known = nearest(language, SEGMENTATIONS)
        raise InternalError(f"{language}: no rule tells what a word is; {known}; give it one in segmentation.py")
    rules: dict[str, Callable[[str], list[str]]] = {"zh": _MIXED.findall, "ja": _SCRIPTS.findall, "th": _thai}
    return rules.get(language, str.split)


def _thai(text: str) -> list[str]:
    tokenize = _newmm()
    return [word for piece in text.split() for word in tokenize(piece) if word.strip()]


@functools.cache
def _newmm() -> Callable[[str], list[str]]:
    """Raises InternalError where another PyThaiNLP is installed than the pack's digest says."""
    found = version("pythainlp")
    if found != PYTHAINLP:
        raise InternalError(
            f"pythainlp {found} is installed, Thai scores are those of {PYTHAINLP}; "
            "install with `pip install -c constraints.txt`"
        )
    if "PYTHAINLP_READ_MODE" not in os.environ:  # its old name; it refuses both at once
        os.environ.setdefault("PYTHAINLP_READ_ONLY", "1")  # or the import makes a folder in the user's home
    from pythainlp.tokenize import word_tokenize

    return functools.partial(word_tokenize, engine="newmm")
