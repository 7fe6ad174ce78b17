from __future__ import annotations

import pytest

from cftray.spec.hyperparameters import Hyperparameters
from cftray.training.schedule import learning_rate


def settings(**changes):
    return Hyperparameters(**{"learning_rate": 2.0e-3, "epochs": 1, "global_batch": 1, "max_length": 8, **changes})


def test_warm_up_is_linear_then_a_cosine_ends_at_zero():
    chosen = settings(warmup_steps=10)
    assert [learning_rate(step, 110, chosen) for step in (0, 5, 10)] == pytest.approx([0, 1e-3, 2e-3])
    assert learning_rate(60, 110, chosen) == pytest.approx(1e-3)
    assert learning_rate(110, 110, chosen) == pytest.approx(0, abs=1e-12)


def test_constant_stays_at_the_peak():
    chosen = settings(warmup_steps=2, schedule="constant")
    assert [learning_rate(step, 9, chosen) for step in (0, 1, 2, 8)] == pytest.approx([0, 1e-3, 2e-3, 2e-3])


def test_equals_what_transformers_draws():
    import torch
    from transformers import get_cosine_schedule_with_warmup

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=2.0e-3)
    schedule = get_cosine_schedule_with_warmup(optimizer, 4, 23)
    for step in range(23):
        assert learning_rate(step, 23, settings(warmup_steps=4)) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
