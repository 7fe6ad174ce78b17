"""Answers on disk, a file each, under a digest of what was asked.

A file is whole or not there whatever is killed, so any number of threads and processes may share a folder.
Where an attempt writes in a folder of its own, it looks into those of the attempts before it too, and last into one
that all share, for answers that proved useful.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from cftray.endpoint.messages import Answer


class AnswerFolder:
    """Finds what was answered before, and keeps what is answered now."""

    def __init__(self, folder: Path, earlier: Iterable[Path] = (), shared: Path | None = None) -> None:
        self.folder = folder
        self.shared = shared
        self.folders = (folder, *earlier, *([] if shared is None else [shared]))

    def find(self, digest: str) -> Answer | None:
        """The stored answer to a request; None where there is none, or none that can be read."""
        return next((found for one in self.folders if (found := _read(_file(one, digest))) is not None), None)

    def keep(self, digest: str, answer: Answer) -> None:
        """Write an answer; it is there before this returns."""
        self._write(self.folder, digest, answer)

    def share(self, digest: str) -> None:
        """Let everybody find the stored answer to a request, if there is one and a shared folder."""
        if self.shared is None or _file(self.shared, digest).exists():
            return
        answer = self.find(digest)
        if answer is not None:
            self._write(self.shared, digest, answer)

    def _write(self, folder: Path, digest: str, answer: Answer) -> None:
        content = asdict(answer)
        del content["stored"]
        path = _file(folder, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not forced to the disk, which can take longer than the answer: one that a power cut spoils is asked anew.
        temporary = path.with_name(f".{digest}.{uuid.uuid4().hex}")
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        os.replace(temporary, path)


def _file(folder: Path, digest: str) -> Path:
    return folder / digest[:2] / f"{digest}.json"


def _read(path: Path) -> Answer | None:
    try:
        return replace(Answer(**json.loads(path.read_text(encoding="utf-8"))), stored=True)
    except (OSError, ValueError, TypeError):
        return None
