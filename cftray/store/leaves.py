"""Digests of what comes from outside: model folders, data files, hub revisions.

A folder or file counts by its content, not its path; of a data file's name only the suffix counts,
which says how to read it, unless the spec takes languages from names. Hashing gigabytes takes minutes,
so a digest is remembered with the sizes and times of the files it was made from, and made anew when
those change.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from importlib import resources
from pathlib import Path, PurePosixPath

from cftray.errors import DataError, Fault, InfraError, ModelError
from cftray.plan.canonical import canonical, sha256_of
from cftray.plan.stages import Leaf, LeafKind
from cftray.spec.model import MINI_BASE, MINI_ENCODER
from cftray.store.atomic import write_atomic
from cftray.store.files import DataFile, data_files, is_remote, local_file, local_path, suffix_of, telling_name
from cftray.store.hub import commit_of, fetch, is_hub_id
from cftray.store.layout import hash_stream

INLINE_BYTES = 256 << 20
"""Leaves up to this size are hashed while a request waits (about a second); larger ones later."""

MODEL_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja")
TOKENIZER_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "*.jinja")

MODELS = (LeafKind.MODEL, LeafKind.ENCODER)

HUB_SET_FILES = ("*.parquet", "*.json", "*.jsonl", "*.csv", "*.tsv", "*.gz", "*.zst", "*.arrow", "README.md")
"""What is fetched of a data set; loading scripts are not."""


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


def locate_encoder(location: str, commit: str | None = None) -> Path:
    """The folder of a sentence encoder; a hub id is fetched at `commit` into the hub's cache.

    Raises ModelError where it is neither a folder of sentence-transformers nor a hub id.
    """
    if location == MINI_ENCODER:
        return Path(str(resources.files("cftray"))) / "mini" / "encoder"
    path = Path(location).expanduser()
    if path.is_dir():
        if not (path / "modules.json").is_file():
            raise ModelError(f"{location}: has no modules.json; expected a folder that sentence-transformers saved")
        return path
    if is_hub_id(location):
        return fetch(location, commit, MODEL_FILES)
    raise ModelError(f"{location}: no such folder; expected a folder of sentence-transformers or a hub id")


class LeafDigests:
    """Digests of leaves, remembered in a folder of the store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, leaf: Leaf) -> str | None:
        """The digest, if remembered or small enough to make now; else None.

        Raises ModelError or DataError where the leaf does not exist.
        """
        if _on_hub(leaf):
            return _commit(leaf)
        files = _files(leaf)
        remembered = self._read(leaf, files)
        if remembered is not None:
            return remembered
        if sum(file.size for file in files) > INLINE_BYTES:
            return None
        return self.make(leaf)

    def make(self, leaf: Leaf) -> str:
        """Hash the leaf's files, remember the digest and return it."""
        if _on_hub(leaf):
            return _commit(leaf)
        files = _files(leaf)
        state = _state(files)
        hashes = []
        for file in files:
            with file.open() as content:
                hashes.append(hash_stream(content))
        whole = _digest(leaf, files, hashes)
        write_atomic(self._path(leaf), canonical({"state": state, "digest": whole}) + "\n")
        return whole

    def still(self, leaf: Leaf, digest: str | None) -> bool:
        """Whether the leaf is what `digest` was made from; a hub's commit never changes."""
        return _on_hub(leaf) or digest == (self.known(leaf) or self.make(leaf))

    def place(self, leaf: Leaf, digest: str | None) -> Path:
        """Where a stage reads the data of a leaf: a path or pattern, or a folder they are fetched into.

        Raises DataError where what is fetched is not what `digest` was made from, InfraError where it fails.
        """
        if leaf.kind is LeafKind.HUB_SET:
            return fetch(leaf.location, digest, leaf.patterns or HUB_SET_FILES, kind="dataset")
        if not is_remote(leaf.location):
            return local_path(leaf.location)
        folder = self.folder / "files" / str(digest)
        if not folder.is_dir():
            self._copy(leaf, digest, folder)
        return folder

    def _copy(self, leaf: Leaf, digest: str | None, folder: Path) -> None:
        """Each file in a folder with its place as name, below the names of folders that can tell its language."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        files, hashes = _files(leaf), []
        with tempfile.TemporaryDirectory(dir=folder.parent) as spool:
            whole = Path(spool) / "files"
            for place, file in enumerate(files):
                copy = whole / f"{place:06}" / telling_name(file.path).lstrip("/")
                copy.parent.mkdir(parents=True)
                with file.open() as content, open(copy, "wb") as target:
                    hashes.append(hash_stream(content, target))
            if _digest(leaf, files, hashes) != digest:
                raise DataError(f"{leaf.location} has changed since the experiment was planned; submit it again")
            try:
                whole.rename(folder)
            except OSError:
                if not folder.is_dir():  # another job has brought the same files meanwhile
                    raise

    def _read(self, leaf: Leaf, files: list[DataFile]) -> str | None:
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
            _commit(leaf)
        else:
            _files(leaf)
    except (ModelError, DataError, InfraError) as error:
        given, _, rest = error.message.partition(": ")
        return Fault(path=path, given=given[:80], expected=rest)
    return None


def on_hub(location: str) -> bool:
    """Whether a model's location is an id of the hub, and no folder here."""
    return not Path(location).expanduser().is_dir() and is_hub_id(location)


def _on_hub(leaf: Leaf) -> bool:
    if leaf.kind in MODELS:
        return on_hub(leaf.location)
    return leaf.kind is LeafKind.HUB_SET


def _commit(leaf: Leaf) -> str:
    return commit_of(leaf.location, leaf.revision, kind="model" if leaf.kind in MODELS else "dataset")


def _files(leaf: Leaf) -> list[DataFile]:
    if leaf.kind is LeafKind.FILES:
        return data_files(leaf.location) if not leaf.patterns else _named_so(leaf)
    if leaf.kind is LeafKind.ENCODER:
        folder, patterns = locate_encoder(leaf.location), [f"**/{pattern}" for pattern in MODEL_FILES]
    else:
        folder, patterns = locate_model(leaf.location), list(MODEL_FILES)
    found = sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
    return [local_file(path) for path in found]


def _named_so(leaf: Leaf) -> list[DataFile]:
    """The files of a local folder whose names are like the leaf's patterns. Raises DataError where there are none."""
    folder = local_path(leaf.location)
    found = sorted({path for pattern in leaf.patterns for path in folder.glob(pattern) if path.is_file()})
    if is_remote(leaf.location) or not found:
        expected = ", ".join(leaf.patterns)
        raise DataError(f"{leaf.location}: no such files; expected a local folder with files named like {expected}")
    return [local_file(path) for path in found]


def _digest(leaf: Leaf, files: Iterable[DataFile], hashes: Iterable[str]) -> str:
    if leaf.kind is LeafKind.MODEL:
        return sha256_of({file.path.name: one for file, one in zip(files, hashes, strict=True)})
    if leaf.kind is LeafKind.ENCODER:  # its modules lie in folders, and their files bear the same names
        whole = locate_encoder(leaf.location)
        return sha256_of({str(file.path.relative_to(whole)): one for file, one in zip(files, hashes, strict=True)})
    return sha256_of([[_name(leaf, file.path), one] for file, one in zip(files, hashes, strict=True)])


def _name(leaf: Leaf, path: PurePosixPath) -> str:
    """As much of a file's name as says something about its rows."""
    return telling_name(path) if leaf.named else suffix_of(path)


def _state(files: list[DataFile]) -> list[list[int | str]]:
    return [[str(file.path), file.size, file.state] for file in files]
