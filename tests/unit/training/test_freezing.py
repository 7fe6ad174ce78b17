"""A selection is made of the heads that changed; what is frozen takes no gradient and no step."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from cftray.data.tokenized import TokenizedData
from cftray.errors import Cancelled, InternalError, ModelError
from cftray.spec.execution import CheckpointPolicy
from cftray.spec.hyperparameters import Precision
from cftray.spec.mitigation import LowRank
from cftray.training.freezing import SplitLinear, add_lora, split
from cftray.training.frozen import Selection, freezing_fault, heads_fault, lora_fault, trained_parameters
from cftray.training.proof import prove
from cftray.training.selecting import select
from cftray.training.weights import headers, shapes_of
from tests.unit.training.conftest import random_model


@pytest.fixture
def pair(tmp_path):
    """A base of 3 layers, 4 query heads, 2 key/value heads of 8 rows; P1 with hand-made changes."""
    base = random_model("Mistral", num_hidden_layers=3, sliding_window=None)
    base.save_pretrained(tmp_path / "base")
    with torch.no_grad():
        for layer, head, size in ((0, 0, 1.0), (1, 0, 3.0), (2, 0, 2.0), (2, 3, 5.0)):
            base.model.layers[layer].self_attn.q_proj.weight[head * 8 : (head + 1) * 8] += size
        base.model.layers[1].self_attn.k_proj.weight[8:16] += 1.0
    base.save_pretrained(tmp_path / "p1", max_shard_size="20KB")
    assert len(list((tmp_path / "p1").glob("*.safetensors"))) > 1
    return SimpleNamespace(base=tmp_path / "base", p1=tmp_path / "p1")


def selected(pair, tmp_path, **changes):
    request = {"base": str(pair.base), "model": str(pair.p1), "method": "lf_h2", "k": 1, "seed": None}
    counts = select(request | {"folder": str(tmp_path), "stop": str(tmp_path / "stop")} | changes)
    return Selection.read(tmp_path / "selection.json"), counts


def test_each_head_is_frozen_where_phase_1_changed_it_most(pair, tmp_path):
    selection, counts = selected(pair, tmp_path, k=1)
    assert 0 in selection.heads["q"][1]
    assert 3 in selection.heads["q"][2]
    assert selection.heads["k"][1] == (1,)
    assert selection.changes["q"][1][0] == pytest.approx(3.0 * (8 * 32) ** 0.5, rel=1e-5)
    for projection, heads in (("q", 4), ("k", 2), ("v", 2)):
        chosen = [head for layer in selection.heads[projection] for head in layer]
        assert sorted(chosen) == list(range(heads))
    assert counts["frozen_parameters"] == (4 + 2 + 2) * 8 * 32
    assert (tmp_path / "selection.png").read_bytes().startswith(b"\x89PNG")


def test_more_layers_freeze_more_of_each_head(pair, tmp_path):
    selection, _ = selected(pair, tmp_path, k=2)
    assert 0 in selection.heads["q"][1]
    assert 0 in selection.heads["q"][2]
    assert 0 not in selection.heads["q"][0]


def test_random_freezing_draws_whole_layers_by_seed(pair, tmp_path):
    drawn = {seed: selected(pair, tmp_path, method="lf_h1", k=1, seed=seed)[0].layers for seed in range(12)}
    assert {len(layers) for layers in drawn.values()} == {1}
    assert len(set(drawn.values())) == 3
    assert selected(pair, tmp_path, method="lf_h1", k=1, seed=4)[0].layers == drawn[4]
    assert Selection.read(tmp_path / "selection.json").rows(f"model.layers.{drawn[4][0]}.mlp.up_proj.weight") is None


def test_a_p1_that_is_the_base_is_refused(pair, tmp_path):
    with pytest.raises(ModelError, match="q, k and v of P1 are the base's"):
        selected(pair, tmp_path, model=str(pair.base))


def test_values_that_are_not_finite_are_refused(pair, tmp_path):
    model = random_model("Mistral", num_hidden_layers=3, sliding_window=None)
    model.model.layers[1].self_attn.v_proj.weight.data[3, 4] = float("nan")
    model.save_pretrained(tmp_path / "broken")
    with pytest.raises(ModelError, match=r"layers\.1\.self_attn\.v_proj\.weight holds values that are not finite"):
        selected(pair, tmp_path, model=str(tmp_path / "broken"))


def test_a_selection_stops_when_asked_to(pair, tmp_path):
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        selected(pair, tmp_path)


def test_more_layers_than_there_are_is_refused(pair, tmp_path):
    with pytest.raises(ModelError, match=r"mitigation\.k is 4; at most 3: the base model has 3 layers"):
        selected(pair, tmp_path, k=4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 2}, "P1 has 2 layers, the base 3"),
        ({"num_hidden_layers": 3, "num_key_value_heads": 4}, "k_proj.weight is .* in the base and is"),
    ],
)
def test_a_p1_of_another_architecture_is_refused(pair, tmp_path, changes, message):
    random_model("Mistral", sliding_window=None, **changes).save_pretrained(tmp_path / "other")
    with pytest.raises(ModelError, match=message):
        selected(pair, tmp_path, model=str(tmp_path / "other"))


@pytest.mark.parametrize("bias", [True, False])
def test_a_split_layer_gives_what_the_whole_gives(bias):
    whole = torch.nn.Linear(6, 12, bias=bias)
    frozen = [0, 1, 2, 6, 7, 8]
    parts = SplitLinear(whole, frozen)
    with torch.no_grad():
        for name, rows in parts.rows.items():
            getattr(parts, f"{name}_weight").copy_(whole.weight[rows])
            if bias:
                getattr(parts, f"{name}_bias").copy_(whole.bias[rows])
    hidden = torch.randn(2, 5, 6, requires_grad=True)
    torch.testing.assert_close(parts(hidden), whole(hidden))
    (parts(hidden) ** 2).sum().backward()
    ours = hidden.grad.clone()
    hidden.grad = None
    (whole(hidden) ** 2).sum().backward()
    torch.testing.assert_close(ours, hidden.grad)
    torch.testing.assert_close(parts.trained_weight.grad, whole.weight.grad[parts.rows["trained"]])
    assert parts.frozen_weight.grad is None


def test_freezing_everything_is_refused():
    model = random_model("Mistral", sliding_window=None)
    names = [name for name, _ in model.named_parameters()]
    selection = Selection(method="lf_h1", k=2, depth=2, head_dim=8, layers=(0, 1))
    for name in names:
        if ".layers." not in name:
            model.get_parameter(name).requires_grad_(False)
    with pytest.raises(ModelError, match="leaves nothing to train"):
        split(model, selection)


SELECTION = Selection(
    method="lf_h2", k=1, depth=2, head_dim=8,
    heads={"q": ((0, 2), (1, 3)), "k": ((0, 1), ()), "v": ((1,), (0,))},
)  # fmt: skip


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_phase_leaves_frozen_rows_alone_and_moves_the_others(request_for, tmp_path, precision):
    from cftray.training.worker import train_phase

    (tmp_path / "selection.json").write_text(SELECTION.model_dump_json())
    stage = 1 if precision == "bf16" else 0
    request = request_for(
        frozen=str(tmp_path / "selection.json"), zero_stage=stage, hyperparameters={"precision": precision}
    )
    train_phase(request.model_dump(mode="json"))
    before = load_file(f"{request.model}/model.safetensors")
    after = load_file(f"{request.folder}/model/model.safetensors")
    assert before.keys() == after.keys()
    for name, start in before.items():
        rows, moved = SELECTION.rows(name), after[name] != start.to(after[name].dtype)
        assert not moved[rows].any(), name
        others = [row for row in range(len(moved)) if row not in rows]
        assert not others or moved[others].any(), name
    counts = json.loads((tmp_path / "attempt" / "parameters.json").read_text())
    assert counts["frozen_parameters"] == (4 + 2 + 2) * 8 * 32


def test_lora_trains_its_updates_alone_and_merges_them(request_for, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from cftray.training.worker import train_phase

    lora = LowRank(rank=4, alpha=8, targets=("q_proj", "up_proj"))
    request = request_for(lora=lora)
    train_phase(request.model_dump(mode="json"))
    before = load_file(f"{request.model}/model.safetensors")
    after = load_file(f"{request.folder}/model/model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "q_proj" in name or "up_proj" in name}
    base = AutoModelForCausalLM.from_pretrained(request.model, dtype=torch.float32)
    tuned = PeftModel.from_pretrained(base, f"{request.folder}/adapter").eval()
    merged = AutoModelForCausalLM.from_pretrained(f"{request.folder}/model").eval()
    ids = torch.arange(12)[None]
    with torch.no_grad():
        torch.testing.assert_close(tuned(ids).logits, merged(ids).logits, atol=1e-5, rtol=1e-5)


def test_the_first_updates_of_lora_follow_from_the_seed():
    def drawn(seed):
        model = random_model("Mistral", sliding_window=None)
        add_lora(model, LowRank(rank=2, targets=("q_proj",)), seed)
        return model.model.layers[0].self_attn.q_proj.lora_A["default"].weight

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))


def test_frozen_layers_have_no_optimizer_state(request_for, tmp_path):
    from cftray.training.worker import train_phase

    whole = Selection(method="lf_h1", k=1, depth=2, head_dim=8, layers=(1,))
    (tmp_path / "selection.json").write_text(whole.model_dump_json())
    request = request_for(frozen=str(tmp_path / "selection.json"), checkpoint=CheckpointPolicy(every_steps=4))
    train_phase(request.model_dump(mode="json"))
    saved = torch.load(next(tmp_path.rglob("mp_rank_00_model_states.pt")), weights_only=False)
    kept = sum(state["exp_avg"].numel() for state in saved["optimizer"]["state"].values())
    assert kept == json.loads((tmp_path / "attempt" / "parameters.json").read_text())["trained_parameters"]
    assert not any("layers.1." in name for name in saved["module"])


@pytest.mark.parametrize("restriction", [{"selection": SELECTION}, {"lora": LowRank(targets=("up_proj",))}])
def test_the_proof_finds_a_frozen_value_that_moved(base, tokenized, tmp_path, restriction):
    shutil.copytree(base, tmp_path / "model")
    tensors = load_file(base / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][0] += 1.0
    tensors["model.layers.0.self_attn.q_proj.weight"][17, 3] += 1.0
    save_file(tensors, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InternalError, match=r"layers\.0\.self_attn\.q_proj\.weight has changed"):
        prove(
            tmp_path / "model", base, TokenizedData.open(tokenized), Precision.FP32, changed=True, **restriction
        )  # fmt: skip


def test_counts_before_a_phase_are_those_of_its_worker(request_for, base):
    from cftray.training.worker import train_phase

    lora = LowRank(rank=4, targets=("q_proj", "k_proj", "down_proj"))
    request = request_for(lora=lora, hyperparameters={"epochs": 1})
    train_phase(request.model_dump(mode="json"))
    counts = json.loads((Path(request.folder) / "parameters.json").read_text())
    shapes = shapes_of(headers(base))
    assert trained_parameters(shapes, None, lora) == counts["trained_parameters"]
    assert trained_parameters(shapes, None, None) == counts["frozen_parameters"]
    assert trained_parameters(shapes, SELECTION, None) == counts["frozen_parameters"] - (4 + 2 + 2) * 8 * 32


@pytest.mark.parametrize("target", ["embed_tokens", "lm_head", "input_layernorm"])
def test_targets_outside_the_layers_linear_modules_are_refused(target):
    model = random_model("Mistral", sliding_window=None)
    with pytest.raises(ModelError, match=f"none in it is called {target}"):
        add_lora(model, LowRank(rank=2, targets=(target,)), 1)


def test_targets_that_match_nothing_are_refused_with_those_there_are():
    names = [name for name, _ in random_model("Mistral", sliding_window=None).named_parameters()]
    assert lora_fault(names, ("q_proj",)) is None
    assert "none in it is called query" in lora_fault(names, ("q_proj", "query"))
    assert "up_proj" in lora_fault(names, ("query",))


def test_what_can_not_be_frozen_is_known_from_config_and_names():
    assert freezing_fault({"num_hidden_layers": 4}, 4) is None
    assert "has 4 layers" in freezing_fault({"num_hidden_layers": 4}, 5)
    assert "no num_hidden_layers" in freezing_fault({}, 1)
    assert "q_proj, k_proj and v_proj" in heads_fault(["model.layers.0.self_attn.qkv_proj.weight"])
