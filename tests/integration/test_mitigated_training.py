"""Frozen parts and low-rank updates under every ZeRO stage: exact, alike, and exact again after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from cftray.plan.stages import SelectFrozenConfig, TrainConfig
from cftray.spec.execution import ExecutionSpec
from cftray.spec.mitigation import LowRank
from cftray.stage import StageContext
from cftray.training import selection, stage
from cftray.training.frozen import Selection
from cftray.training.local_workers import LocalWorkers
from tests.integration.test_training import made, settings, train_each

pytestmark = pytest.mark.timeout(900)
__all__ = ["made"]

HEADS = Selection(
    method="lf_h2", k=1, depth=2, head_dim=8,
    heads={"q": ((0, 2), (1, 3)), "k": ((0, 1), ()), "v": ((1,), (0,))},
)  # fmt: skip
LAYERS = Selection(method="lf_h1", k=1, depth=2, head_dim=8, layers=(1,))
LORA = LowRank(rank=4, alpha=8, targets=("q_proj", "down_proj"))


def train_all(request):
    """In every worker: all phases, then those of ZeRO 3 whose parameters it would else keep whole, being small."""
    from cftray.training import engine, worker

    train_each(request)
    usual = engine.configuration

    def nothing_persistent(asked):
        made = usual(asked)
        made["zero_optimization"] |= {"stage3_param_persistence_threshold": 0, "stage3_max_reuse_distance": 0}
        return made

    engine.configuration = worker.configuration = nothing_persistent
    train_each({"phases": request["partitioned"]})


def phases_of(folder):
    """(name, ZeRO stage, precision, what is restricted)"""
    (folder / "heads.json").write_text(HEADS.model_dump_json())
    (folder / "layers.json").write_text(LAYERS.model_dump_json())
    heads, layers = {"frozen": str(folder / "heads.json")}, {"frozen": str(folder / "layers.json")}
    lora = {"lora": LORA.model_dump(mode="json")}
    for zero in (0, 1, 2, 3):
        yield f"heads-{zero}", zero, "fp32", heads
    yield "heads-3-bf16", 3, "bf16", heads
    yield "layers-2", 2, "fp32", layers
    yield "layers-3", 3, "fp32", layers
    for zero in (0, 2, 3):
        yield f"lora-{zero}", zero, "fp32", lora | {"activation_checkpointing": zero == 2}
    for zero in (0, 3):
        yield f"tied-{zero}", zero, "fp32", heads | {"model": str(folder / "tied")}
    yield "partitioned-heads", 3, "fp32", heads
    yield "partitioned-lora", 3, "fp32", lora


@pytest.fixture(scope="module")
def trained(made, tmp_path_factory):
    """Attempt folders by name; `name again` was stopped after its first step and resumed."""
    folder = tmp_path_factory.mktemp("mitigated")
    torch.manual_seed(3)
    with_biases = Qwen2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, vocab_size=100, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen2ForCausalLM(with_biases).save_pretrained(folder / "tied")
    phases, found = [], {}
    for name, zero, precision, restricted in phases_of(folder):
        for again in (False, True) if name in RESUMED else (False,):
            attempt = folder / (f"{name} again" if again else name)
            attempt.mkdir()
            if again:
                (attempt / "stop").touch()
            phases.append(
                {
                    "folder": str(attempt), "model": str(made / "model"), "data": str(made / "data"),
                    "stop": str(attempt / "stop"), "seed": 17, "zero_stage": zero, "micro_batch_tokens": 40,
                    "hyperparameters": settings(precision=precision).model_dump(mode="json"), **restricted,
                }
            )  # fmt: skip
            found[attempt.name] = Path(f"{attempt}-resumed") if again else attempt
    apart = [phase for phase in phases if "partitioned" in phase["folder"]]
    usual = [phase for phase in phases if phase not in apart]
    LocalWorkers().group(train_all, {"phases": usual, "partitioned": apart}, size=2, accelerator=None, name="train")
    return found


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


RESUMED = (
    "heads-0", "heads-1", "heads-2", "heads-3", "heads-3-bf16", "layers-2", "layers-3", "lora-0", "lora-2", "lora-3",
)  # fmt: skip
NAMES = (*RESUMED, "tied-0", "tied-3", "partitioned-heads", "partitioned-lora")


@pytest.mark.parametrize("name", [name for name in NAMES if "lora" not in name])
def test_what_is_frozen_stays_bit_for_bit_and_the_rest_moves(made, trained, name):
    selected = LAYERS if name.startswith("layers") else HEADS
    start = trained[name].parent / "tied" if name.startswith("tied") else made / "model"
    before, after = load_file(start / "model.safetensors"), weights(trained[name])
    assert before.keys() == after.keys()
    for key, start in before.items():
        rows, moved = selected.rows(key), after[key] != start.to(after[key].dtype)
        if rows is None:
            assert not moved.any(), key
            continue
        assert not moved[rows].any(), key
        others = [row for row in range(len(moved)) if row not in rows]
        assert not others or moved[others].any(), key


PAIRS = (
    ("heads-1", "heads-0"), ("heads-2", "heads-0"), ("heads-3", "heads-0"),
    ("layers-3", "layers-2"), ("lora-2", "lora-0"), ("lora-3", "lora-0"),
    ("tied-3", "tied-0"), ("partitioned-heads", "heads-0"), ("partitioned-lora", "lora-0"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "like"), PAIRS)
def test_the_zero_stages_agree_within_rounding(trained, name, like):
    ours, theirs = weights(trained[name]), weights(trained[like])
    assert max(float((ours[key] - theirs[key]).abs().max()) for key in theirs) < 5e-5


@pytest.mark.parametrize("name", RESUMED)
def test_stopped_and_resumed_ends_in_the_same_bytes(trained, name):
    straight, again = (trained[one] / "model" / "model.safetensors" for one in (name, f"{name} again"))
    assert straight.read_bytes() == again.read_bytes()


@pytest.mark.parametrize("zero", [0, 2, 3])
def test_the_merged_model_is_the_base_with_its_adapter(made, trained, zero):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    first, second = (AutoModelForCausalLM.from_pretrained(made / "model", dtype=torch.float32) for _ in range(2))
    tuned = PeftModel.from_pretrained(first, trained[f"lora-{zero}"] / "adapter").eval()
    merged = AutoModelForCausalLM.from_pretrained(trained[f"lora-{zero}"] / "model").eval()
    ids = torch.arange(12)[None]
    with torch.no_grad():
        torch.testing.assert_close(tuned(ids).logits, merged(ids).logits, atol=1e-5, rtol=1e-5)
        assert not torch.allclose(merged(ids).logits, second.eval()(ids).logits, atol=1e-5)


def test_the_counts_are_those_of_whole_layers(trained):
    counts = {name: json.loads((trained[name] / "parameters.json").read_text()) for name in ("heads-0", "layers-2")}
    one_layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 48 + 2 * 32
    assert counts["layers-2"]["frozen_parameters"] == one_layer
    whole = sum(counts["heads-0"].values())
    assert sum(counts["layers-2"].values()) == whole


def test_the_stages_select_and_train_in_turn(made, tmp_path):
    """Selection by a worker, then a phase of its own group, as the runner calls them."""

    def context(name):
        (tmp_path / name).mkdir()
        return StageContext(
            folder=tmp_path / name,
            execution=ExecutionSpec(workers=1, zero_stage=0),
            workers=LocalWorkers(),
            stop=tmp_path / "stop",
        )

    inputs = {"base": made / "model", "model": made / "model"}
    chosen = selection.run(SelectFrozenConfig(method="lf_h1", k=1, seed=3), inputs, context("select"))
    config = TrainConfig(phase=2, hyperparameters=settings(), template="chat", seed=17)
    given = {"model": made / "model", "data": made / "data", "frozen": chosen.outputs["selection"]}
    done = stage.run(config, given, context("train"))
    assert done.metrics["frozen_parameters"] == chosen.metrics["frozen_parameters"]
    assert "with a part of the weights frozen" in (done.outputs["model"] / "README.md").read_text()
