"""Draws that follow the softmax, from a source that each row has to itself."""

from __future__ import annotations

import math

import torch
from transformers import TopPLogitsWarper

from cftray.generation.sampling import InverseTransform, Temperature, inverse_transform

CRITICAL = {4: 18.47, 2: 13.82}
"""Chi-square at 0.1 %, by degrees of freedom; the seeds are fixed, so a test passes always or never."""


def drawn(logits, *, rows=4000, steps=1, seed=7):
    """Tokens that `rows` rows draw from the same logits in `steps` steps."""
    processor = InverseTransform([f"row{number}" for number in range(rows)], seed)
    return torch.cat([processor(None, logits.repeat(rows, 1)).argmax(dim=1) for _ in range(steps)])


def chi_square(tokens, wanted):
    expected = wanted * len(tokens)
    return float(((torch.bincount(tokens, minlength=len(wanted)) - expected) ** 2 / expected).sum())


def test_draws_over_rows_follow_the_softmax():
    wanted = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
    assert chi_square(drawn(wanted.log()), wanted) < CRITICAL[4]


def test_draws_of_one_row_over_steps_follow_the_softmax():
    wanted = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05])
    assert chi_square(drawn(wanted.log(), rows=1, steps=4000), wanted) < CRITICAL[4]


def test_what_top_p_leaves_out_is_never_drawn():
    scores = TopPLogitsWarper(0.8)(None, torch.tensor([[0.4, 0.05, 0.3, 0.15, 0.1]]).log())[0]
    tokens = drawn(scores)
    assert set(tokens.tolist()) == {0, 2, 3}
    shares = torch.tensor([0.4, 0.3, 0.15]) / 0.85
    renumbered = torch.tensor([0, -1, 1, 2])[tokens]
    assert chi_square(renumbered, shares) < CRITICAL[2]


def test_the_numbers_of_a_row_do_not_depend_on_the_batch():
    together = InverseTransform(["a", "b", "c"], 5)
    numbers = [together.uniform() for _ in range(6)]
    alone = InverseTransform(["b"], 5)
    assert [row[1] for row in numbers] == [alone.uniform()[0] for _ in range(6)]
    assert len({number for row in numbers for number in row}) == 18
    assert InverseTransform(["b"], 6).uniform() != InverseTransform(["b"], 5).uniform()


def test_the_ends_of_the_interval_draw_tokens_that_have_a_probability():
    scores = torch.tensor([[-math.inf, 0.1, 0.7, -math.inf]] * 2)
    assert inverse_transform(scores, torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)).tolist() == [1, 2]


def test_a_small_temperature_takes_the_likeliest():
    cold = Temperature(1e-38)(None, torch.tensor([[30.0, 50.0, 49.9]]))
    assert set(drawn(cold[0], rows=50).tolist()) == {1}
