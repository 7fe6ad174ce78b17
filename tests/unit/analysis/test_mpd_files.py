"""Files that are not what they should be are told in words."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import pytest

from cftray.analysis.mpd_files import stored_tensors
from cftray.errors import InfraError, ModelError
from tests.unit.analysis.conftest import safetensors

TENSORS = {"a.weight": [1.0, 2.0], "b.weight": [3.0]}


def names(location):
    with ExitStack() as until:
        return sorted(stored_tensors(location, until))


def refused(location):
    with pytest.raises(ModelError) as found:
        names(location)
    return found.value.message


def test_what_the_index_places_is_read(model):
    assert names(model("whole", TENSORS, shards=[["b.weight"], ["a.weight"]])) == ["a.weight", "b.weight"]


def test_a_whole_file_comes_before_an_index_that_was_left_beside_it(model):
    """As transformers has it."""
    place = model("both", TENSORS, shards=[["b.weight"], ["a.weight"]])
    (Path(place) / "model.safetensors").write_bytes(safetensors({"new.weight": [1.0]}))
    assert names(place) == ["new.weight"]


def test_stored_buffers_are_no_parameters(model):
    extra = TENSORS | {"layers.0.self_attn.rotary_emb.inv_freq": [1.0], "embeddings.position_ids": [0.0]}
    assert names(model("old", extra, shards=[list(extra)])) == ["a.weight", "b.weight"]


def test_a_folder_without_weights(tmp_path):
    assert "has neither model.safetensors nor model.safetensors.index.json" in refused(str(tmp_path))


def test_a_file_that_is_not_there(tmp_path):
    assert "no such file" in refused(str(tmp_path / "absent.safetensors"))


def test_a_shard_that_is_missing(model):
    folder = Path(model("part", TENSORS, shards=[["a.weight"], ["b.weight"]]))
    (folder / "model-00002-of-00002.safetensors").unlink()
    assert "lacks model-00002-of-00002.safetensors, which" in refused(str(folder))


def test_a_tensor_that_is_not_where_the_index_says(model):
    folder = Path(model("part", TENSORS, shards=[["a.weight"], ["b.weight"]]))
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors({"c.weight": [1.0]}))
    assert "lacks b.weight, which model.safetensors.index.json places in it" in refused(str(folder))


def test_a_file_that_was_cut_short(model):
    path = Path(model("short", TENSORS)) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "is cut short: b.weight ends behind the end of the file" in refused(str(path.parent))


@pytest.mark.parametrize("content", [b"", b"\x01", b"\xff" * 64, (5).to_bytes(8, "little") + b"{]{]{", b"\0" * 32])
def test_a_file_that_is_none_of_these(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    assert "is no whole safetensors file" in refused(str(tmp_path))


def test_a_header_that_contradicts_itself(tmp_path):
    facts = {"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}
    text = json.dumps(facts).encode()
    (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    assert "contradicts itself: a, [3], has 8 bytes" in refused(str(tmp_path))


@pytest.mark.parametrize("facts", [{}, {"dtype": "F32", "shape": None, "data_offsets": [0, 0]}, [1]])
def test_a_tensor_that_is_not_described(tmp_path, facts):
    text = json.dumps({"a": facts}).encode()
    (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    assert "is no safetensors file: a is described as" in refused(str(tmp_path))


def test_an_index_that_is_none(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_text('{"weight": {}}')
    assert "is no index of safetensors files" in refused(str(tmp_path))


def test_quantised_weights_are_refused(model):
    told = refused(model("small", {"a.weight": [1, 2]}, dtype="I8"))
    assert "a.weight is stored as I8; expected F64, F32, F16, BF16: compare models before they are quantised" in told


def test_a_file_system_that_no_one_knows():
    assert "no file system is known as nowhere://" in refused("nowhere://bucket/model")


def test_a_place_that_can_not_be_reached(monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    def unreachable(self, path, **kwargs):
        raise OSError("the line is dead")

    monkeypatch.setattr(MemoryFileSystem, "info", unreachable)
    with pytest.raises(InfraError, match=r"can't be reached \(the line is dead\)"):
        names("memory://far")
