"""What a model folder's config and safetensors headers say, read without torch; only a tensor's values need it.

Format: 8 bytes, little-endian, give the length of a JSON header that maps names to dtype, shape and
data offsets (huggingface/safetensors).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cftray.errors import ModelError
from cftray.spec.model import MINI_BASE, ModelRef
from cftray.store.hub import fetch, is_hub_id
from cftray.store.leaves import locate_model

Headers = dict[str, tuple[Path, tuple[int, ...]]]
"""File and shape of each tensor by the name it is stored under."""


def config_of(folder: Path) -> dict[str, Any]:
    """A model folder's config.json. Raises ModelError where there is none that can be read."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no model folder, its config.json can't be read ({error})") from error
    return config


def shape_of(reference: ModelRef) -> tuple[dict[str, Any], list[str]]:
    """A model's config.json and the names of its weights; of a hub model only its small files are fetched.

    The names are empty where a hub model has its weights in one file without an index. Raises as
    `locate_model` does, and ModelError where the config can't be read.
    """
    if reference.model != MINI_BASE and is_hub_id(reference.model) and not Path(reference.model).expanduser().is_dir():
        folder = fetch(reference.model, reference.revision, ("config.json", "*.index.json"))
        index = folder / "model.safetensors.index.json"
        names = json.loads(index.read_text(encoding="utf-8"))["weight_map"] if index.exists() else {}
        return config_of(folder), sorted(names)
    folder = locate_model(reference.model)
    return config_of(folder), sorted(headers(folder))


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model folder. Raises ModelError where there are none."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        files = [folder / name for name in names]
    else:
        files = [folder / "model.safetensors"]
    absent = [file.name for file in files if not file.exists()]
    if absent:
        raise ModelError(f"{folder} lacks {', '.join(absent)}; CFTRay reads weights from safetensors only")
    return files


def headers(folder: Path) -> Headers:
    """File and shape of every stored tensor. Raises ModelError where a file is cut short or none of these."""
    found: Headers = {}
    for file in weight_files(folder):
        header, room = _header(file)
        for name, facts in header.items():
            if name == "__metadata__":
                continue
            if facts["data_offsets"][1] > room:
                raise ModelError(f"{file} is cut short: {name} ends behind the end of the file; copy it again")
            found[name] = (file, tuple(facts["shape"]))
    return found


def read_stored(file: Path, name: str) -> Any:
    """One tensor, the rest of the file left alone."""
    from safetensors import safe_open

    with safe_open(file, framework="pt") as opened:
        return opened.get_tensor(name)


def shapes_of(found: Headers) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor by its name."""
    return {name: shape for name, (_, shape) in found.items()}


def parameter_count(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """How many numbers tensors of these shapes hold."""
    return sum(map(math.prod, shapes.values()))


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """The header, and the bytes of data that follow it."""
    size = file.stat().st_size
    try:
        with open(file, "rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length <= size - 8:
                raise ValueError("its header is longer than the file")
            return json.loads(opened.read(length)), size - 8 - length
    except ValueError as error:
        raise ModelError(f"{file} is no whole safetensors file: {error}") from error
