"""Answers on disk, a file each, under a digest of what was asked.

A file is whole or not there, so any number of threads and processes may share a folder. Where an attempt
writes in a folder of its own, it looks into those of the attempts before it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from cftray.endpoint.messages import Answer
from cftray.store.atomic import write_atomic


class AnswerFolder:
    """Finds what was answered before, and keeps what is answered now."""

    def __init__(self, folder: Path, earlier: Iterable[Path] = ()) -> None:
        self.folder = folder
        self.folders = (folder, *earlier)

    def find(self, digest: str) -> Answer | None:
        """The stored answer to a request; None where there is none, or none that can be read."""
        return next((found for one in self.folders if (found := _read(_file(one, digest))) is not None), None)

    def keep(self, digest: str, answer: Answer) -> None:
        """Write an answer; it is there before this returns."""
        content = asdict(answer)
        del content["stored"]
        write_atomic(_file(self.folder, digest), json.dumps(content, ensure_ascii=False))


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / f"{digest}.json"


def _read(path: Path) -> Answer | None:
    try:
        return replace(Answer(**json.loads(path.read_text(encoding="utf-8"))), stored=True)
    except (OSError, ValueError, TypeError):
        return None
