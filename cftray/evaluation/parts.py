"""A task's scores as a part of results: kept under the digest of all that they follow from.

    parts/<first two digits>/<key>/items.parquet    the task's items
    parts/<first two digits>/<key>/part.json        what the key was made of, figures, scores in brief

The key is made of model, requests, the task's code and files, precision and this stage's code version. So
whichever experiment asks for the same task of the same model finds it done.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cftray.evaluation.requests import AskedTask
from cftray.plan.canonical import sha256_of
from cftray.plan.packs import Pack, PackTask
from cftray.plan.stages import CODE_VERSION, StageKind

ITEMS = "items.parquet"
FACTS = "part.json"


def key_of(pack: Pack, entry: PackTask, asked: AskedTask, *, model: str, precision: str) -> str:
    """The key of one task's part. `model` is the model's digest or fingerprint."""
    return sha256_of(
        {
            "model": model,
            "requests": asked.sha256,
            "task": pack.task_digest(entry.task),
            "entry": asdict(entry),
            "precision": precision,
            "version": CODE_VERSION[StageKind.EVALUATE],
        }
    )


def part_folder(parts: Path, key: str) -> Path:
    """Where a part lies, or would."""
    return parts / key[:2] / key


def is_there(folder: Path) -> bool:
    """Whether a part is there, which it is whole or not at all."""
    return (folder / FACTS).is_file()


class NewPart:
    """A part that is being written beside its place."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.folder = place.with_name(f".{place.name}.{uuid.uuid4().hex}")
        self.folder.mkdir(parents=True)

    def keep(self, facts: Mapping[str, Any]) -> None:
        """Write the facts and put the part in its place; another of the same key that was faster stays."""
        (self.folder / FACTS).write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
        try:
            os.rename(self.folder, self.place)
        except OSError:
            if not is_there(self.place):
                raise
            shutil.rmtree(self.folder)


def read_facts(folder: Path) -> dict[str, Any]:
    """A part's `figures`, `metrics` and `scores`; `scores` is null where a judge has to give them."""
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return facts
