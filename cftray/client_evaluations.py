"""Evaluations of single models from Python: what is asked for, and a handle on it.

evaluation = client.evaluate("mistralai/Mistral-7B-v0.1", suites=["la"], languages=["de", "es"], pack="paper")
evaluation.wait(progress=True)
evaluation.scores()                               # a row per task, language and mean
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cftray.client import Json, Run
from cftray.client_documents import Source, document_of
from cftray.errors import Fault, SpecRefused

SPEC_FILES = (".yaml", ".yml", ".json")
NAME_LENGTH = 100


class Evaluation(Run):
    """One evaluation of the service, as last seen: all that a run has, but scores of one model."""

    collection = "/v1/evaluations"

    def scores(self) -> list[Json]:
        """One row per task, language and mean, as far as recorded: score (0 to 1), stderr, n."""
        return [{name: value for name, value in row.items() if name != "model"} for row in self.results().rows]


def evaluation_document(
    model: Source,
    *,
    name: str | None = None,
    suites: Sequence[str] | None = None,
    pack: str | None = None,
    benchmarks: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    limit: int | None = None,
    data: Mapping[str, str] | None = None,
    judge: str | None = None,
    template: str | None = None,
    precision: str | None = None,
) -> Json:
    """The document that is sent: of a model's path or hub id and what is asked of it; None: the spec's default.

    `model` may also be a whole spec, a mapping or the path of a YAML or JSON file; what is given beside it then
    replaces what it says. `judge` is `ENDPOINT:MODEL`, `data` a path for each benchmark. Raises SpecRefused.
    """
    document = _started(model)
    asked = {
        "suites": suites,
        "pack": pack,
        "benchmarks": benchmarks,
        "languages": languages,
        "limit": limit,
        "data": dict(data) if data else None,
        "judge": None if judge is None else judge_of(judge),
    }
    whole = {"name": name, "template": template, "precision": precision}
    document |= {key: value for key, value in whole.items() if value is not None}
    evaluation = {key: list(value) if isinstance(value, tuple) else value for key, value in asked.items()}
    document["evaluation"] = {
        **(document.get("evaluation") or {}),
        **{key: value for key, value in evaluation.items() if value is not None},
    }
    return document_of(document)


def judge_of(text: str) -> dict[str, str]:
    """`ENDPOINT:MODEL` taken apart. Raises SpecRefused."""
    endpoint, _, model = text.partition(":")
    if not endpoint or not model:
        raise SpecRefused([Fault(path="judge", given=text, expected="ENDPOINT:MODEL, such as openai:gpt-4o")])
    return {"endpoint": endpoint, "model": model}


def name_of(model: str) -> str:
    """What an evaluation of a model is called where nobody names it: the last part of its path or id."""
    last = [part for part in re.split(r"[/\\]+", model) if part.strip("~.")][-1:] or ["model"]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last[0]).strip("-._")[:NAME_LENGTH] or "model"


def _started(model: Source) -> Json:
    if isinstance(model, str | Path) and not str(model).endswith(SPEC_FILES):
        return {"name": name_of(str(model)), "model": str(model)}
    return document_of(model)
