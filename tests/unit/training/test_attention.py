from __future__ import annotations

import numpy as np
import pytest
import torch

from cftray.errors import ModelError
from cftray.training.attention import NAME, Layout, arguments, implementation, packed_attention

from .conftest import random_model

LENGTHS = (21, 20, 13, 5, 5, 1)
CPU = torch.device("cpu")


def packed_logits(model, samples):
    boundaries = np.cumsum([0, *(len(sample) for sample in samples)]).astype(np.int32)
    model.set_attn_implementation(implementation(CPU))
    return model(
        input_ids=torch.cat(samples)[None],
        position_ids=torch.cat([torch.arange(len(sample)) for sample in samples])[None],
        use_cache=False,
        **arguments(NAME, boundaries, CPU),
    ).logits[0]


def alone(model, samples):
    model.set_attn_implementation("eager")
    return torch.cat([model(input_ids=sample[None], use_cache=False).logits[0] for sample in samples])


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Mistral", {"sliding_window": None}),
        ("Mistral", {"sliding_window": 6}),
        ("Llama", {}),
        ("Llama", {"num_key_value_heads": 4}),
        ("Qwen2", {}),
    ],
)
def test_packed_logits_and_gradients_equal_those_of_samples_alone(kind, settings):
    model = random_model(kind, **settings)
    samples = [torch.randint(0, 100, (length,)) for length in LENGTHS]
    weights = torch.randn(sum(LENGTHS), 100)
    gradients = []
    logits = []
    for compute in (packed_logits, alone):
        model.zero_grad()
        logits.append(compute(model, samples))
        (logits[-1] * weights).sum().backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(logits[0], logits[1], atol=2e-5, rtol=1e-4)
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5 * float(theirs.abs().max()) + 1e-6, rtol=1e-3)


def test_at_most_a_tenth_of_the_positions_in_attention_is_padding():
    lengths = np.sort(np.random.default_rng(0).integers(1, 500, 200))[::-1]
    batches = Layout(np.cumsum([0, *lengths]).astype(np.int32), CPU).batches
    assert sum(one.end - one.start for one in batches) == lengths.sum()
    assert all(one.end - one.start >= 0.9 * one.count * one.longest for one in batches)
    assert len(batches) < len(lengths) / 2


def test_a_neighbour_changes_nothing():
    model = random_model("Llama")
    first, second, other = (torch.randint(0, 100, (9,)) for _ in range(3))
    assert torch.equal(packed_logits(model, [first, second])[:9], packed_logits(model, [first, other])[:9])


def test_attention_that_needs_more_is_refused():
    states = torch.zeros(1, 2, 3, 4)
    with pytest.raises(ModelError, match="softcap"):
        packed_attention(torch.nn.Linear(1, 1), states, states, states, None, layout=None, softcap=30.0)
