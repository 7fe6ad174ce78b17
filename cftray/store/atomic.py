"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_atomic(path: Path, text: str) -> None:
    """Replace `path` by `text`; a reader sees the old content or the new, never a part."""
    temporary = _written_beside(path, text)
    os.replace(temporary, path)
    _sync_folder(path.parent)


def write_exclusive(path: Path, text: str) -> bool:
    """Create `path` with `text`; False where it exists already. At most one caller gets True.

    A hard link is exclusive and shows the whole content at once, on NFS too, where O_EXCL alone may
    show an empty file for a moment.
    """
    temporary = _written_beside(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _sync_folder(path.parent)
    return True


def _written_beside(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
