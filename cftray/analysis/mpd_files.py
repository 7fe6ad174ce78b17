"""A model's stored tensors, read from safetensors without torch: what the headers say, then slices of values.

Format: 8 bytes, little-endian, give the length of a JSON header that maps names to dtype, shape and
data offsets (huggingface/safetensors). Large models lie in several files with an index beside them,
which says what tensor is in which. Nothing is mapped into memory, so what a model takes of it is the
buffers that are passed in.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cftray.analysis.bytes_read import ByteFile, Place, whole
from cftray.analysis.modules import module_kind
from cftray.errors import ModelError

SUFFIX: Final = ".safetensors"
SINGLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"
HEAD: Final = "lm_head.weight"
LONGEST_HEADER: Final = 100 << 20
"""The format's own limit."""

ITEM_BYTES: Final[Mapping[str, int]] = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""What is compared. Smaller and whole numbers are codes of quantised weights, not the weights."""

_VIEWS: Final = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_BUFFERS: Final = ("rotary_emb.inv_freq", "position_ids")
"""Ends of names that some checkpoints store and that are no parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One tensor: `start` is its first byte in `file`."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: ByteFile
    start: int

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def item_bytes(self) -> int:
        """Bytes of one number."""
        return ITEM_BYTES[self.dtype]

    def read(self, first: int, count: int, buffer: memoryview) -> np.ndarray:
        """`count` numbers from number `first` on, as they are stored: of bfloat16 the bits, uint16."""
        found = self.file.read(self.start + first * self.item_bytes, buffer[: count * self.item_bytes])
        return np.frombuffer(found, dtype=_VIEWS[self.dtype])


def stored_tensors(location: str, until: ExitStack) -> dict[str, Stored]:
    """The parameter tensors of a model folder, a .safetensors file, or a URL of either, by name.

    Files stay open `until` that is closed. A head that the config ties to the embedding is left out where
    it is stored once more. Raises ModelError where files are missing, cut short or not safetensors, or
    hold quantised weights; InfraError where they can't be reached.
    """
    place = Place(location)
    found: dict[str, Stored] = {}
    for file, wanted in _files(place, until):
        for stored in _tensors(file):
            if (wanted is None or stored.name in wanted) and not stored.name.endswith(_BUFFERS):
                found[stored.name] = stored
        absent = sorted((wanted or set()) - found.keys())
        absent = [name for name in absent if not name.endswith(_BUFFERS)]
        if absent:
            raise ModelError(f"{file.name} lacks {_some(absent)}, which {INDEX} places in it; copy the model again")
    quantised = [one for one in found.values() if one.dtype not in ITEM_BYTES]
    if quantised:
        raise ModelError(
            f"{location}: {quantised[0].name} is stored as {quantised[0].dtype}; expected {', '.join(ITEM_BYTES)}: "
            "compare models before they are quantised"
        )
    if HEAD in found and any(module_kind(name) == "embed" for name in found) and _is_tied(place, until):
        del found[HEAD]
    return found


def _files(place: Place, until: ExitStack) -> Iterator[tuple[ByteFile, set[str] | None]]:
    """Each file with the names that an index places in it, or None where there is no index."""
    if place.location.endswith(SUFFIX):
        alone = place.open("", until)
        if alone is None:
            raise ModelError(f"{place.location}: no such file; expected a model's folder, a {SUFFIX} file or their URL")
        yield alone, None
        return
    single = place.open(SINGLE, until)  # before an index, as transformers does
    if single is not None:
        yield single, None
        return
    index = place.open(INDEX, until)
    if index is None:
        raise ModelError(
            f"{place.location} has neither {SINGLE} nor {INDEX}; expected a model's folder, a {SUFFIX} file "
            "or their URL"
        )
    wanted: dict[str, set[str]] = {}
    for name, file_name in _weight_map(index).items():
        wanted.setdefault(file_name, set()).add(name)
    opened = {file_name: place.open(file_name, until) for file_name in sorted(wanted)}
    absent = [file_name for file_name, file in opened.items() if file is None]
    if absent:
        raise ModelError(f"{place.location} lacks {_some(absent)}, which {INDEX} names; copy the model again")
    for file_name, file in opened.items():
        if file is not None:
            yield file, wanted[file_name]


def _weight_map(index: ByteFile) -> dict[str, str]:
    try:
        found = json.loads(whole(index))["weight_map"]
    except (ValueError, LookupError, TypeError) as error:
        raise ModelError(f"{index.name} is no index of safetensors files ({error!r})") from error
    return {str(name): str(file_name) for name, file_name in found.items()}


def _tensors(file: ByteFile) -> Iterator[Stored]:
    """What the header says. Raises ModelError where it says what can't be."""
    header, data = _header(file)
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        try:
            shape, (first, end) = tuple(map(int, facts["shape"])), facts["data_offsets"]
            stored = Stored(name=name, dtype=facts["dtype"], shape=shape, file=file, start=data + first)
        except (LookupError, TypeError, ValueError) as error:
            raise ModelError(f"{file.name} is no safetensors file: {name} is described as {facts}") from error
        if data + end > file.size:
            raise ModelError(f"{file.name} is cut short: {name} ends behind the end of the file; copy it again")
        if end - first != stored.size * ITEM_BYTES.get(stored.dtype, 0) and stored.dtype in ITEM_BYTES:
            raise ModelError(f"{file.name} contradicts itself: {name}, {list(shape)}, has {end - first} bytes")
        yield stored


def _header(file: ByteFile) -> tuple[dict[str, Any], int]:
    """The header, and the place in the file where the data begin."""
    if file.size >= 8:
        length = int.from_bytes(file.read(0, memoryview(bytearray(8))), "little")
        if 0 < length <= min(file.size - 8, LONGEST_HEADER):
            try:
                header = json.loads(bytes(file.read(8, memoryview(bytearray(length)))))
            except ValueError:
                header = None
            if isinstance(header, dict):
                return header, 8 + length
    raise ModelError(f"{file.name} is no whole safetensors file; expected one that begins with its header")


def _is_tied(place: Place, until: ExitStack) -> bool:
    config = place.open("config.json", until)
    if config is None:
        return False
    try:
        return json.loads(whole(config)).get("tie_word_embeddings") is True
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{config.name} can't be read ({error}); expected a model's config.json") from error


def _some(names: list[str], most: int = 3) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
