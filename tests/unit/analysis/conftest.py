"""Models as files of a few numbers, written byte by byte; workers in this process."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cftray.spec import ExecutionSpec
from cftray.stage import StageContext

FORMATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def raw(values, dtype):
    """Numbers as safetensors stores them; bfloat16 cuts the lower half of a float32 off."""
    if dtype == "BF16":
        return (np.asarray(values, "<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return np.asarray(values, FORMATS.get(dtype, "<i1")).tobytes()


def safetensors(tensors, dtype="F32"):
    """The bytes of a file. `tensors` by name."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        found = raw(values, dtype)
        header[name] = {
            "dtype": dtype, "shape": list(np.shape(values)), "data_offsets": [len(data), len(data) + len(found)]
        }  # fmt: skip
        data += found
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def model_files(tensors, dtype="F32", shards=None, config=None):
    """Files of a model folder by name; `shards` lists the names that each of several files holds."""
    files = {} if config is None else {"config.json": json.dumps(config).encode()}
    if shards is None:
        return files | {"model.safetensors": safetensors(tensors, dtype)}
    weight_map = {}
    for number, names in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        files[file] = safetensors({name: tensors[name] for name in names}, dtype)
        weight_map |= dict.fromkeys(names, file)
    return files | {"model.safetensors.index.json": json.dumps({"weight_map": weight_map}).encode()}


@pytest.fixture
def model(tmp_path):
    """Writes a model into a folder of its name and gives the folder as text."""

    def write(name, tensors, **how):
        folder = tmp_path / name
        folder.mkdir()
        for file, content in model_files(tensors, **how).items():
            (folder / file).write_bytes(content)
        return str(folder)

    return write


class Here:
    """`Workers.call` without a process; a request is JSON on its way."""

    def call(self, entry, request, *, accelerator, name):
        return json.loads(json.dumps(entry(json.loads(json.dumps(request)))))


class Nobody:
    """No worker may be asked."""

    def call(self, entry, request, *, accelerator, name):
        raise AssertionError(f"{name} was asked of a worker")


@pytest.fixture
def attempt(tmp_path):
    """A context of a stage, with the reports that it made."""

    def make(name="attempt", workers=None, earlier=()):
        folder = tmp_path / name
        folder.mkdir()
        reports = []
        context = StageContext(
            folder=folder, execution=ExecutionSpec(), workers=workers or Here(), stop=tmp_path / "stop",
            earlier=tuple(earlier), report=reports.append,
        )  # fmt: skip
        return context, reports

    return make
