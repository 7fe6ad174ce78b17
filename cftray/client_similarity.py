"""Comparisons of data sets from Python: what is asked for, and a handle on it.

found = client.similarity({"alpaca": "alpaca.json", "german": {"path": "de.json", "language": "de"}})
found.wait(progress=True)
found.result["matrix"]                            # DES of each set with each
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cftray.client import Json, Run
from cftray.client_documents import Source, document_of
from cftray.errors import Fault, SpecRefused

MINI = "mini:"
SET_LENGTH = 40
NAME_LENGTH = 128
SUFFIXES = re.compile(r"(\.(json|jsonl|csv|tsv|parquet|gz))+$")


class Similarity(Run):
    """One comparison of the service, as last seen: all that a run has but scores."""

    collection = "/v1/similarity"

    @property
    def result(self) -> Json | None:
        """`sets`, `matrix`, `pairs` with intervals and languages; None until it is recorded."""
        if "result" not in self.view:  # as in a list
            self.refresh()
        found: Json | None = self.view["result"]
        return found


def similarity_document(
    sets: Source,
    *,
    name: str | None = None,
    encoder: str | None = None,
    samples: int | None = None,
    seed: int | None = None,
    text: str | None = None,
    accelerator: str | None = None,
) -> Json:
    """The document that is sent: of data sets and how they are compared; None: the spec's default.

    `sets` are data by their names (a path, `mini:alpaca-mini`, or a data set as a spec has it), a list of paths,
    which are named after their files, or a whole spec, a mapping with `sets` or the path of a YAML or JSON file;
    what is given beside a spec replaces what it says. Raises SpecRefused, UnreadableSpec.
    """
    document = _started(sets)
    asked = {"name": name, "encoder": encoder, "samples": samples, "seed": seed, "text": text}
    document |= {key: value for key, value in asked.items() if value is not None}
    if accelerator is not None:
        document["execution"] = {**(document.get("execution") or {}), "accelerator": accelerator}
    return document_of(document)


def data_of(given: str, adapter: str | None = None, language: str | None = None) -> Json:
    """The data set that a word stands for: `mini:alpaca-mini`, or a path read by `adapter`, in one `language`.

    `file` as language: each file's name tells its own.
    """
    if given.startswith(MINI):
        return {"mini": given.removeprefix(MINI)}
    told = {"languages": {"by": "file"}} if language == "file" else {"language": language} if language else {}
    return {"path": given} | ({"adapter": adapter} if adapter else {}) | told


def set_name(given: str) -> str:
    """What a set is called where nobody names it: its file, without what says the format."""
    parts = [part for part in re.split(r"[/\\]+", given.removeprefix(MINI)) if part.strip("~.*")]
    telling = [part for part in parts if not part.startswith("*")] or parts or ["set"]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", SUFFIXES.sub("", telling[-1])).strip("-._")[:SET_LENGTH] or "set"


def named_sets(given: Sequence[str]) -> dict[str, str]:
    """A name for each; those whose files are called alike are numbered."""
    found: dict[str, str] = {}
    for one in given:
        name, number = set_name(one), 1
        while name in found:
            number += 1
            name = f"{set_name(one)[: SET_LENGTH - 4]}-{number}"
        found[name] = one
    return found


def _started(sets: Source) -> Json:
    if isinstance(sets, Sequence) and not isinstance(sets, str):
        return _document(named_sets([str(one) for one in sets]))
    if isinstance(sets, Mapping) and not isinstance(sets.get("sets"), Sequence):
        return _document(sets)
    return document_of(sets)


def _document(sets: Mapping[str, Any]) -> Json:
    if len(sets) < 2:
        raise SpecRefused([Fault(path="sets", given=", ".join(sets) or "none", expected="two data sets or more")])
    data = {
        name: data_of(str(one)) if isinstance(one, str | Path) else json.loads(json.dumps(_plain(one)))
        for name, one in sets.items()
    }
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", "-vs-".join(sets)).strip("-._")[:NAME_LENGTH] or "similarity"
    return {"name": name, "sets": [{"name": name, "data": one} for name, one in data.items()]}


def _plain(data: Any) -> Any:
    return data.model_dump(mode="json") if hasattr(data, "model_dump") else data
