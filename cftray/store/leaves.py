"""Digests of what comes from outside: model folders, data files, hub revisions.

A folder or file counts by its content, not its path. Hashing gigabytes takes minutes, so a digest is
remembered with the sizes and times of the files it was made from, and made anew when those change.
"""

from __future__ import annotations

import glob
import hashlib
import json
from importlib import resources
from pathlib import Path

from cftray.errors import DataError, Fault, ModelError
from cftray.plan.canonical import canonical, sha256_of
from cftray.plan.stages import Leaf, LeafKind
from cftray.spec.model import MINI_BASE
from cftray.store.atomic import write_atomic
from cftray.store.hub import commit_of, fetch, is_hub_id
from cftray.store.layout import hash_file

INLINE_BYTES = 256 << 20
"""Leaves up to this size are hashed while a request waits (about a second); larger ones later."""

MODEL_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
TOKENIZER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "*.jinja")


def locate_model(location: str, commit: str | None = None) -> Path:
    """The folder of a model; a hub id is fetched at `commit` into the hub's cache.

    Raises ModelError where it is neither a loadable folder nor a hub id.
    """
    if location == MINI_BASE:
        return Path(str(resources.files("cftray"))) / "mini" / "base"
    path = Path(location).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{location}: has no config.json; expected a Hugging Face model folder")
        if not list(path.glob("*.safetensors")):
            raise ModelError(f"{location}: has no *.safetensors; other weight formats are not loaded")
        return path
    if is_hub_id(location):
        return fetch(location, commit, MODEL_FILES)
    raise ModelError(f"{location}: no such folder; expected a model folder with config.json, a hub id or {MINI_BASE}")


def locate_files(pattern: str) -> list[Path]:
    """The files of a path or glob pattern, sorted. Raises DataError where there are none."""
    found = sorted(Path(one) for one in glob.glob(str(Path(pattern).expanduser()), recursive=True))
    files = [one for one in found if one.is_file()]
    if not files:
        raise DataError(f"{pattern}: no such file; expected a .json or .jsonl file, or a pattern that matches some")
    return files


class LeafDigests:
    """Digests of leaves, remembered in a folder of the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, leaf: Leaf) -> str | None:
        """The digest, if remembered or small enough to make now; else None.

        Raises ModelError or DataError where the leaf does not exist.
        """
        if _on_hub(leaf):
            return commit_of(leaf.location, leaf.revision)
        files = _files(leaf)
        remembered = self._read(leaf, files)
        if remembered is not None:
            return remembered
        if sum(path.stat().st_size for path in files) > INLINE_BYTES:
            return None
        return self.make(leaf)

    def make(self, leaf: Leaf) -> str:
        """Hash the leaf's files, remember the digest and return it."""
        if _on_hub(leaf):
            return commit_of(leaf.location, leaf.revision)
        files = _files(leaf)
        state = _state(files)
        if leaf.kind is LeafKind.MODEL:
            whole = sha256_of({path.name: hash_file(path) for path in files})
        else:
            whole = hashlib.sha256("".join(hash_file(path) for path in files).encode()).hexdigest()
        write_atomic(self._path(leaf), canonical({"state": state, "digest": whole}) + "\n")
        return whole

    def still(self, leaf: Leaf, digest: str | None) -> bool:
        """Whether the leaf is what `digest` was made from; a hub's commit never changes."""
        return _on_hub(leaf) or digest == (self.known(leaf) or self.make(leaf))

    def _read(self, leaf: Leaf, files: list[Path]) -> str | None:
        try:
            remembered = json.loads(self._path(leaf).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return str(remembered["digest"]) if remembered["state"] == _state(files) else None

    def _path(self, leaf: Leaf) -> Path:
        return self.folder / f"{sha256_of(leaf)[:32]}.json"


def leaf_fault(path: str, leaf: Leaf) -> Fault | None:
    """What is wrong with a leaf, as a fault of the spec's field at `path`."""
    try:
        if _on_hub(leaf):
            commit_of(leaf.location, leaf.revision)
        else:
            _files(leaf)
    except (ModelError, DataError) as error:
        given, _, rest = error.message.partition(": ")
        return Fault(path=path, given=given, expected=rest)
    return None


def on_hub(location: str) -> bool:
    """Whether a model's location is an id of the hub, and no folder here."""
    return not Path(location).expanduser().is_dir() and is_hub_id(location)


def _on_hub(leaf: Leaf) -> bool:
    return leaf.kind is LeafKind.MODEL and on_hub(leaf.location)


def _files(leaf: Leaf) -> list[Path]:
    if leaf.kind is LeafKind.FILES:
        return locate_files(leaf.location)
    folder = locate_model(leaf.location)
    return sorted({path for pattern in MODEL_FILES for path in folder.glob(pattern) if path.is_file()})


def _state(files: list[Path]) -> list[list[int | str]]:
    stats = [(path.name, path.stat()) for path in files]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
