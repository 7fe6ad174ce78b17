"""The prompts that a judge of two answers can be asked with, by name and version.

Their texts stand in `cftray.evaluation.judging.prompt`, which neither a spec nor a plan imports. Their digests
stand here, so that a text is part of a fingerprint; it never changes under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROMPT_DIGESTS: Final[Mapping[str, str]] = {
    "pairwise-1": "71872f964385e0bff381a529b10e85fa844cb7d1de27ef0c6cf6be34916e65d8",
}
"""sha256 of each prompt."""
