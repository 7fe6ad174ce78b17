"""A whole phase in this process, one worker, against a loop written out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from cftray.data.order import steps_of
from cftray.data.tokenized import TokenizedData
from cftray.errors import Cancelled, ExecutionError, InternalError, ModelError
from cftray.spec.execution import CheckpointPolicy
from cftray.spec.hyperparameters import Precision
from cftray.training.checkpoint import complete
from cftray.training.export import export
from cftray.training.proof import prove
from cftray.training.schedule import learning_rate


@pytest.fixture
def train():
    from cftray.training.worker import train_phase

    def run(request):
        train_phase(request.model_dump(mode="json"))
        return Path(request.folder) / "model"

    return run


def weights(folder):
    return load_file(folder / "model.safetensors")


def curve(request):
    return [json.loads(line) for line in (Path(request.folder) / "curve.jsonl").read_text().splitlines()]


def by_hand(request):
    """AdamW over samples one at a time, each alone, through the model's stock attention."""
    data, chosen = TokenizedData.open(Path(request.data)), request.hyperparameters
    model = AutoModelForCausalLM.from_pretrained(request.model, dtype=torch.float32)
    flat = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": chosen.weight_decay}, {"params": flat, "weight_decay": 0.0}],
        betas=(chosen.beta1, chosen.beta2),
        eps=chosen.epsilon,
    )
    order, losses = steps_of(data.lengths(), chosen, request.seed), []
    for step in range(len(order)):
        total, count = torch.zeros(()), 0
        for sample in order[step]:
            tokens = torch.from_numpy(data.tokens(sample).astype(np.int64))
            labels = torch.where(torch.from_numpy(data.supervised(sample)) == 1, tokens, -100)
            logits = model(input_ids=tokens[None]).logits[0, :-1]
            total = total + torch.nn.functional.cross_entropy(logits, labels[1:], reduction="sum")
            count += int((labels[1:] != -100).sum())
        losses.append(float(total) / count)
        (total / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), chosen.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, len(order), chosen)
        optimizer.step()
        optimizer.zero_grad()
    return losses, model.state_dict()


def test_a_phase_equals_a_loop_by_hand(train, request_for):
    request = request_for()
    trained = weights(train(request))
    losses, wanted = by_hand(request)
    assert [line["loss"] for line in curve(request)] == pytest.approx(losses, rel=1e-4)
    for name, tensor in trained.items():
        torch.testing.assert_close(tensor, wanted[name], atol=1e-4, rtol=1e-4)


def test_micro_batches_and_activation_checkpointing_change_only_rounding(train, request_for):
    whole = weights(train(request_for("whole", micro_batch_tokens=1000)))
    pieces = weights(train(request_for("pieces", micro_batch_tokens=8, activation_checkpointing=True)))
    for name, tensor in whole.items():
        torch.testing.assert_close(pieces[name], tensor, atol=1e-4, rtol=1e-4)


def test_stopped_and_resumed_ends_in_the_same_bytes(train, request_for):
    whole = request_for("whole")
    straight = train(whole)
    first = request_for("first")
    Path(first.stop).touch()
    with pytest.raises(Cancelled, match="after step 1 of 8"):
        train(first)
    Path(first.stop).unlink()
    second = request_for("second", resume_from=(first.folder,))
    resumed = train(second)
    assert (resumed / "model.safetensors").read_bytes() == (straight / "model.safetensors").read_bytes()
    for ours, theirs in zip(curve(second), curve(whole), strict=True):
        assert {**ours, "seconds": 0} == {**theirs, "seconds": 0}


def test_checkpoint_without_its_state_does_not_count(train, request_for):
    first = request_for("first", checkpoint=CheckpointPolicy(every_steps=2, keep=2))
    train(first)
    found = complete([Path(first.folder)])
    assert [state.step for state, _ in found] == [6, 4]
    (found[0][1] / "state.json").unlink()
    assert [state.step for state, _ in complete([Path(first.folder)])] == [4]


def test_checkpoint_of_other_partitions_is_refused_in_words(train, request_for):
    first = request_for("first", zero_stage=0, checkpoint=CheckpointPolicy(every_steps=2))
    train(first)
    with pytest.raises(ExecutionError, match="made by 1 workers under ZeRO 0, this attempt has 1 under ZeRO 1"):
        train(request_for("second", zero_stage=1, resume_from=(first.folder,)))


def test_checkpoint_of_another_seed_is_passed_over(train, request_for):
    first = request_for("first", seed=17, checkpoint=CheckpointPolicy(every_steps=2))
    train(first)
    second = request_for("second", seed=18, resume_from=(first.folder,))
    train(second)
    assert [line["step"] for line in curve(second)] == list(range(1, 9))


def test_bf16_exports_bf16(train, request_for):
    chosen = {"precision": "bf16", "epochs": 1}
    trained = weights(train(request_for(zero_stage=1, hyperparameters=chosen)))
    assert {tensor.dtype for tensor in trained.values()} == {torch.bfloat16}


def test_tied_weights_are_stored_once_and_load(train, request_for, tmp_path, tokenized):
    from .conftest import random_model

    random_model("Qwen2", tie_word_embeddings=True).save_pretrained(tmp_path / "tied")
    folder = train(request_for(model=str(tmp_path / "tied"), hyperparameters={"epochs": 1}))
    assert "lm_head.weight" not in weights(folder)


def test_packs_are_another_shorter_run(train, request_for):
    request = request_for(hyperparameters={"batch_unit": "packs", "global_batch": 2})
    train(request)
    lines = curve(request)
    assert sum(line["tokens"] for line in lines) == 2 * TokenizedData.open(Path(request.data)).lengths().sum()
    assert all(line["tokens"] <= 2 * 32 for line in lines)


class TestProof:
    @pytest.fixture
    def trained(self, train, request_for):
        return train(request_for(hyperparameters={"epochs": 1, "global_batch": 16}))

    def check(self, folder, base, tokenized, precision=Precision.FP32):
        prove(folder, base, TokenizedData.open(tokenized), precision, changed=True)

    def test_passes_what_training_wrote(self, trained, base, tokenized):
        self.check(trained, base, tokenized)
        assert (trained / "chat_template.jinja").read_text() == "{{ messages }}"

    def test_finds_a_file_cut_short(self, trained, base, tokenized):
        file = trained / "model.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(InternalError, match="cut short"):
            self.check(trained, base, tokenized)

    def test_finds_an_empty_tensor(self, trained, base, tokenized):
        self.rewrite(trained, "model.norm.weight", lambda tensor: tensor[:0])
        with pytest.raises(InternalError, match=r"model\.norm\.weight"):
            self.check(trained, base, tokenized)

    def test_finds_a_missing_tensor(self, trained, base, tokenized):
        self.rewrite(trained, "lm_head.weight", lambda tensor: None)
        with pytest.raises(InternalError, match=r"lm_head\.weight"):
            self.check(trained, base, tokenized)

    def test_finds_values_that_are_not_finite(self, trained, base, tokenized):
        self.rewrite(trained, "model.norm.weight", lambda tensor: tensor * float("nan"))
        with pytest.raises(ModelError, match="not finite"):
            self.check(trained, base, tokenized)

    def test_finds_the_wrong_type(self, trained, base, tokenized):
        with pytest.raises(InternalError, match=r"should be torch\.bfloat16"):
            self.check(trained, base, tokenized, Precision.BF16)

    def test_finds_that_nothing_was_trained(self, base, tokenized):
        with pytest.raises(InternalError, match="no tensor has changed"):
            self.check(base, base, tokenized)

    def rewrite(self, folder, name, change):
        from safetensors.torch import save_file

        tensors = weights(folder)
        changed = change(tensors.pop(name))
        if changed is not None:
            tensors[name] = changed
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_large_models_are_written_in_shards(monkeypatch, request_for, base, tmp_path):
    from cftray.training.engine import join_group

    join_group()
    monkeypatch.setattr("cftray.training.export.SHARD_BYTES", 20_000)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    export(model, base, tmp_path / "sharded", request_for(), None)
    assert len(list((tmp_path / "sharded").glob("model-*.safetensors"))) > 1
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "sharded")
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


def test_a_folder_that_is_no_model_is_refused_in_words(train, request_for, base, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((base / "config.json").read_bytes())
    with pytest.raises(ModelError, match="safetensors only"):
        train(request_for(model=str(broken)))
    (broken / "model.safetensors").write_bytes((base / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(ModelError, match="safetensors"):
        train(request_for(model=str(broken)))
