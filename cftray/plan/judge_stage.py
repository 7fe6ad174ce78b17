"""The stage in which a judge compares a model's answers with the reference's, as data.

The prompts that it may be asked with stand in `cftray.evaluation.judging.prompt`, which a plan can't import;
their digests stand here, so that the text is part of a fingerprint. A text never changes under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from cftray.spec.base import SpecModel
from cftray.spec.endpoint import EndpointModel
from cftray.spec.evaluation import TaskPack

PROMPT_DIGESTS: Final[Mapping[str, str]] = {
    "pairwise-1": "71872f964385e0bff381a529b10e85fa844cb7d1de27ef0c6cf6be34916e65d8",
}
"""sha256 of each prompt that a judge can be asked with, by name and version."""


class JudgeConfig(SpecModel):
    """A model's answers to AlpacaEval beside the reference's, as a judge sees them. Inputs: `items` (an
    evaluation's) and `reference` (the benchmark's files).

    `prompt` is a prompt's name and version, `prompt_sha256` its digest. `limit`: the evaluation's.
    """

    kind: Literal["judge"] = "judge"
    judge: EndpointModel
    prompt: str
    prompt_sha256: str
    max_tokens: int
    pack: TaskPack
    pack_digest: str
    limit: int | None = None
