"""Mean hidden states: those of transformers prompt by prompt, whatever the batches and the actors."""

from __future__ import annotations

import numpy as np
import pytest

from cftray.analysis.activations import compose, passed, passing, shape_of, shared_shape, tokenised
from cftray.data.rows import Row
from cftray.errors import Cancelled, DataError, ModelError
from cftray.spec.analysis import ForwardSettings
from tests.unit.analysis.representations.conftest import save_model


def rows_of(texts):
    return [Row(id=f"r{number}", instruction=text, output="") for number, text in enumerate(texts)]


def one_by_one(model, prompts, *, skip=0):
    """What a person would write: transformers' hidden_states of each prompt alone, their mean over tokens."""
    import torch
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    with torch.no_grad():
        states = [loaded(torch.tensor([one.tokens]), output_hidden_states=True).hidden_states for one in prompts]
    return np.stack([np.stack([layer[0, skip:].mean(dim=0).numpy() for layer in one]) for one in states])


def vectors(model, prompts, context, **settings):
    forward = ForwardSettings(**{"batch_size": 3} | settings)
    return np.array(passed(model, prompts, forward, shape_of(model), context, "m").vectors)


def test_batched_means_are_those_of_each_prompt_alone(p1, texts, context_in):
    prompts = tokenised(rows_of(texts), ForwardSettings(), p1, None)
    context, reports = context_in()
    found = vectors(p1, prompts, context)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, one_by_one(p1, prompts), rtol=1e-4, atol=1e-5)
    assert reports[-1].step == reports[-1].total == len(texts)


def test_special_tokens_can_be_left_out_of_the_mean(p1, texts, context_in):
    prompts = tokenised(rows_of(texts), ForwardSettings(positions="text"), p1, None)
    assert all(one.counted == [0] + [1] * (len(one.tokens) - 1) for one in prompts)
    found = vectors(p1, prompts, context_in()[0])
    np.testing.assert_allclose(found, one_by_one(p1, prompts, skip=1), rtol=1e-4, atol=1e-5)


def test_the_last_layer_can_be_taken_before_the_norm(p1, texts, context_in):
    prompts = tokenised(rows_of(texts), ForwardSettings(), p1, None)
    normed = vectors(p1, prompts, context_in("a")[0])
    raw = vectors(p1, prompts, context_in("b")[0], last_layer="residual")
    assert np.array_equal(normed[:, :-1], raw[:, :-1])
    assert not np.allclose(normed[:, -1], raw[:, -1])


def test_the_number_of_actors_changes_no_bit(p1, texts, context_in):
    prompts = tokenised(rows_of(texts), ForwardSettings(), p1, None)
    alone = vectors(p1, prompts, context_in("a")[0])
    shared = vectors(p1, prompts, context_in("b", actors=3)[0])
    assert np.array_equal(alone, shared)


def test_batches_follow_from_the_prompts_alone(p1, texts):
    prompts = tokenised(rows_of(texts), ForwardSettings(), p1, None)
    batches = compose(prompts, 4)
    assert [one.place for batch in batches for one in batch] == [
        one.place for batch in compose(prompts[::-1], 4) for one in batch
    ]
    assert [len(one) for one in batches] == [4, 4, 3]


def test_padding_does_not_leak_into_a_short_prompt(p1, tmp_path):
    request = {"model": str(p1), "folder": str(tmp_path), "stop": str(tmp_path / "stop"), "precision": "fp32",
               "last_layer": "normed"}  # fmt: skip
    handle = passing(request)
    alone = handle.vectors([[1, 5, 6]], [[1, 1, 1]])
    padded = handle.vectors([[1, 5, 6], [1, *range(4, 30)]], [[1, 1, 1], [1] * 27])
    np.testing.assert_allclose(padded[0], alone[0], rtol=1e-4, atol=1e-5)


def test_long_prompts_are_cut_at_the_setting_and_at_the_context(p1):
    row = rows_of(["w1 " * 90])
    assert (len((one := tokenised(row, ForwardSettings(max_tokens=7), p1, 64)[0]).tokens), one.cut) == (7, True)
    assert len(tokenised(row, ForwardSettings(), p1, 64)[0].tokens) == 64
    assert not tokenised(rows_of(["w1 w2"]), ForwardSettings(), p1, 64)[0].cut


def test_a_template_prompts_as_in_training(p1):
    prompt = tokenised(rows_of(["w1 w2"]), ForwardSettings(template="chat"), p1, None)[0]
    assert prompt.tokens == [1, 5, 6, 3]


def test_a_prompt_without_a_token_is_refused(tmp_path):
    model = save_model(tmp_path / "bare", adds_bos=False)
    with pytest.raises(DataError, match="prompt r1: has no token to average over"):
        tokenised(rows_of(["w1", " "]), ForwardSettings(), model, None)


def test_models_of_other_shapes_are_refused(p1, tmp_path):
    deeper = save_model(tmp_path / "deeper", layers=4)
    wider = save_model(tmp_path / "wider", width=20)
    with pytest.raises(ModelError, match="first model has 3 layers of width 16, the second 4 layers of width 16"):
        shared_shape(p1, deeper)
    with pytest.raises(ModelError, match="the second 3 layers of width 20"):
        shared_shape(p1, wider)
    with pytest.raises(ModelError, match=r"is no model folder, its config\.json can't be read"):
        shared_shape(p1, tmp_path / "nowhere")


def test_a_tokenizer_of_another_model_is_refused(p1, tmp_path):
    request = {"model": str(p1), "folder": str(tmp_path), "stop": str(tmp_path / "stop"), "precision": "fp32",
               "last_layer": "normed"}  # fmt: skip
    with pytest.raises(ModelError, match="token 99, and the model has embeddings for 44"):
        passing(request).vectors([[1, 99]], [[1, 1]])


def test_the_stop_file_is_heard(p1, texts, context_in, tmp_path):
    prompts = tokenised(rows_of(texts), ForwardSettings(), p1, None)
    context, _ = context_in()
    (tmp_path / "stop").touch()
    with pytest.raises(Cancelled):
        vectors(p1, prompts, context)


def test_activations_that_are_not_finite_are_refused(tmp_path, texts, context_in):
    import torch
    from transformers import AutoModelForCausalLM

    broken = save_model(tmp_path / "broken")
    model = AutoModelForCausalLM.from_pretrained(broken)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = float("nan")
    model.save_pretrained(broken)
    with pytest.raises(ModelError, match="not finite"):
        vectors(broken, tokenised(rows_of(texts), ForwardSettings(), broken, None), context_in()[0])
