"""The distance of two models, against figures worked out by hand."""

from __future__ import annotations

import math
import tracemalloc

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftray.analysis import mpd_stream
from cftray.analysis.modules import layer_number, module_kind
from cftray.analysis.mpd import model_difference, normalised
from cftray.errors import Cancelled, ModelError
from cftray.spec.model import MINI_BASE
from cftray.store.leaves import locate_model
from tests.unit.analysis.conftest import model_files

NAMES = ("model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight", "model.layers.0.input_layernorm.weight",
         "model.layers.1.self_attn.q_proj.weight", "lm_head.weight")  # fmt: skip
FIRST = dict(zip(NAMES, ([[3.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]], [2.0, 2.0], [[0.5]], [[1.0]]), strict=True))
SECOND = dict(zip(NAMES, ([[0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]], [2.0, 1.0], [[-0.5]], [[1.0]]), strict=True))
NORMS = dict(zip(NAMES, (5.0, 2.0, 1.0, 1.0, 0.0), strict=True))


def random_tensors(seed, sizes=(3, 70_000, 8192, 150_001)):
    drawn = np.random.default_rng(seed)
    return {f"layers.{place}.up_proj.weight": drawn.normal(size=size).astype("f4") for place, size in enumerate(sizes)}


def test_the_mean_of_the_tensors_norms(model):
    found = model_difference(model("first", FIRST), model("second", SECOND))
    assert {one.name: one.norm for one in found.tensors} == NORMS
    assert found.whole.mpd == pytest.approx(9 / 5, rel=1e-15)
    assert (found.whole.tensors, found.whole.size) == (5, 10)


def test_layers_and_kinds_are_means_of_their_own_tensors(model):
    found = model_difference(model("first", FIRST), model("second", SECOND))
    assert {layer: part.mpd for layer, part in found.layers.items()} == {0: 1.5, 1: 1.0}
    assert {kind: part.mpd for kind, part in found.modules.items()} == {"embed": 5, "q": 1.5, "norm": 1, "lm_head": 0}
    assert found.as_json()["layers"][1] == {"layer": 1, "mpd": 1.0, "tensors": 1, "size": 1}


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
@pytest.mark.parametrize("other", ["F64", "BF16"])
def test_every_format_of_weights(model, dtype, other):
    found = model_difference(model("first", FIRST, dtype=dtype), model("second", SECOND, dtype=other))
    assert {one.name: one.norm for one in found.tensors} == NORMS
    assert found.stored == ((dtype,), (other,))


def test_bfloat16_is_read_as_the_number_it_is(model):
    values = np.array([1.0, -1.0078125, 3.3895314e38, 1e-40, 0.0], "f4")
    cut = (values.view("u4") >> 16 << 16).view("f4").astype("f8")
    found = model_difference(
        model("first", {"w.weight": values}, dtype="BF16"), model("second", {"w.weight": np.zeros(5)})
    )
    assert found.whole.mpd == pytest.approx(math.sqrt(float((cut**2).sum())), rel=1e-12)


def test_sums_are_float64(model):
    """In float32 sixteen million equal squares no longer add up."""
    one = np.full(1 << 18, 4096.0, "f4")
    one[0] = 1e-3
    found = model_difference(model("first", {"w.weight": one}), model("second", {"w.weight": np.zeros(1 << 18)}))
    exact = math.sqrt(((1 << 18) - 1) * 4096.0**2 + float(np.float32(1e-3)) ** 2)
    assert found.whole.mpd == pytest.approx(exact, rel=1e-15)


def test_neither_threads_nor_files_nor_pieces_change_a_bit(model, monkeypatch):
    first, second = random_tensors(1), random_tensors(2)
    names = list(first)
    whole, other = model("whole", first), model("other", second)
    expected = model_difference(whole, other, threads=1)
    by_hand = {name: float(np.linalg.norm(first[name].astype("f8") - second[name])) for name in names}
    assert {one.name: one.norm for one in expected.tensors} == pytest.approx(by_hand, rel=1e-13)
    sharded = model("sharded", first, shards=[names[2:], names[:1], names[1:2]])
    assert model_difference(sharded, other, threads=7) == expected
    monkeypatch.setattr(mpd_stream, "PIECE", mpd_stream.BLOCK)
    assert model_difference(whole, other, threads=3) == expected


def test_a_model_and_itself(model):
    folder = str(locate_model(MINI_BASE))
    found = model_difference(folder, folder)
    assert found.whole.mpd == 0.0
    assert (found.whole.tensors, list(found.layers)) == (57, [0, 1, 2, 3, 4, 5])
    assert list(found.modules) == ["embed", "q", "k", "v", "o", "gate", "up", "down", "norm", "lm_head"]


def test_models_behind_urls(model):
    system = fsspec.filesystem("memory")
    shards = [NAMES[:2], NAMES[2:]]
    for name, content in model_files(SECOND, dtype="BF16", shards=shards).items():
        system.pipe_file(f"/far/{name}", content)
    found = model_difference(model("first", FIRST), "memory://far")
    assert {one.name: one.norm for one in found.tensors} == NORMS
    with pytest.raises(ModelError, match=r"memory://nowhere has neither model\.safetensors nor"):
        model_difference(model("again", FIRST), "memory://nowhere")


def test_a_single_file_is_a_model_too(model):
    first, second = model("first", FIRST), model("second", SECOND)
    alone = model_difference(f"{first}/model.safetensors", f"file://{second}/model.safetensors")
    assert alone == model_difference(first, second)


def test_a_tied_head_counts_once(model):
    tied = {"tie_word_embeddings": True}
    without = {name: values for name, values in FIRST.items() if name != "lm_head.weight"}
    found = model_difference(model("first", FIRST, config=tied), model("second", without, config=tied))
    assert (found.whole.tensors, found.whole.mpd) == (4, 0.0)


def test_a_larger_model_takes_no_more_memory(model, monkeypatch):
    monkeypatch.setattr(mpd_stream, "PIECE", mpd_stream.BLOCK)
    peaks = []
    for blocks in (8, 64):
        tensors = {value: {"w.weight": np.full(blocks * mpd_stream.BLOCK, value, "f4")} for value in (0, 1)}
        places = [model(f"{blocks}x{value}", one) for value, one in tensors.items()]
        tracemalloc.start()
        found = model_difference(*places, threads=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.whole.mpd == math.sqrt(blocks * mpd_stream.BLOCK)
    assert peaks[1] < 1.25 * peaks[0]


def test_models_that_differ_in_shape_are_refused_before_a_weight_is_read(model):
    first = FIRST | {"lm_head.weight": np.full((2, 3), np.nan)}
    second = {name: values for name, values in SECOND.items() if "layernorm" not in name} | {"extra.bias": [1.0]}
    with pytest.raises(ModelError) as refused:
        model_difference(model("first", first), model("second", second))
    told = refused.value.message
    assert "model.layers.0.input_layernorm.weight is only in the first" in told
    assert "extra.bias is only in the second" in told
    assert "lm_head.weight is [2, 3] in the first and [1, 1] in the second" in told


def test_of_many_differences_a_few_are_told(model):
    second = {name: np.zeros((3, 3)) for name in FIRST} | {"a.weight": [1.0]}
    with pytest.raises(ModelError, match=r"; and 1 more; MPD compares models that were tuned from one base"):
        model_difference(model("first", FIRST), model("second", second))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_told_by_name(model, value):
    broken = FIRST | {"lm_head.weight": [[value]]}
    with pytest.raises(ModelError, match=r"lm_head\.weight holds values that are not finite"):
        model_difference(model("first", FIRST), model("second", broken))


def test_progress_ends_at_the_whole_and_may_end_the_work(model):
    first, second = model("first", random_tensors(1)), model("second", random_tensors(2))
    told = []
    found = model_difference(first, second, told=lambda done, of: told.append((done, of)))
    assert told[-1] == (found.bytes, found.bytes)
    assert [done for done, _ in told] == sorted(done for done, _ in told)

    def stop(done, of):
        raise Cancelled("stopped because it was asked to")

    with pytest.raises(Cancelled):
        model_difference(first, second, told=stop)


def test_a_set_of_results_is_set_over_its_largest(model):
    near = dict(FIRST) | {"lm_head.weight": [[0.0]]}
    base = model("base", FIRST)
    found = {
        "far": model_difference(base, model("second", SECOND)),
        "near": model_difference(base, model("near", near)),
        "same": model_difference(base, base),
    }
    shown = normalised(found)
    assert {name: one.mpd for name, one in shown.items()} == pytest.approx({"far": 1, "near": 1 / 9, "same": 0})
    assert shown["far"].layers == pytest.approx({0: 1.0, 1: 2 / 3})
    assert shown["near"].modules == pytest.approx({"embed": 0, "q": 0, "norm": 0, "lm_head": 0.2})
    assert shown["near"].tensors["lm_head.weight"] == pytest.approx(0.2)


def test_results_of_other_architectures_are_not_normalised_together(model):
    one = model_difference(model("first", FIRST), model("second", SECOND))
    few = {"w.weight": [1.0]}
    other = model_difference(model("third", few), model("fourth", few))
    with pytest.raises(ModelError, match="one, other are not of one architecture"):
        normalised({"one": one, "other": other})


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40), st.data())
@settings(max_examples=25)
def test_any_few_numbers(tmp_path_factory, values, data):
    others = data.draw(st.lists(st.floats(-1e6, 1e6, width=32), min_size=len(values), max_size=len(values)))
    folder = tmp_path_factory.mktemp("any")
    for name, numbers in (("a", values), ("b", others)):
        (folder / f"{name}.safetensors").write_bytes(model_files({"w.weight": numbers})["model.safetensors"])
    found = model_difference(str(folder / "a.safetensors"), str(folder / "b.safetensors"))
    exact = math.sqrt(math.fsum((one - other) ** 2 for one, other in zip(values, others, strict=True)))
    assert found.whole.mpd == pytest.approx(exact, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "layer", "kind"),
    [
        ("model.embed_tokens.weight", None, "embed"),
        ("model.layers.31.self_attn.k_proj.bias", 31, "k"),
        ("model.layers.2.mlp.down_proj.weight", 2, "down"),
        ("model.layers.2.post_attention_layernorm.weight", 2, "norm"),
        ("model.layers.2.self_attn.q_norm.weight", 2, "norm"),
        ("model.layers.7.block_sparse_moe.experts.3.w3.weight", 7, "up"),
        ("model.norm.weight", None, "norm"),
        ("lm_head.weight", None, "lm_head"),
        ("transformer.h.5.ln_1.weight", 5, "norm"),
        ("transformer.h.5.attn.c_attn.weight", 5, "other"),
        ("weight", None, "other"),
    ],
)
def test_names_say_layer_and_kind(name, layer, kind):
    assert (layer_number(name), module_kind(name)) == (layer, kind)
