"""The learning rate as a pure function of the step: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from cftray.spec.hyperparameters import Hyperparameters


def learning_rate(step: int, total: int, hyperparameters: Hyperparameters) -> float:
    """The rate that update `step` (from 0) of `total` uses.

    Linear from 0 over `warmup_steps`, then half a cosine to 0 at `total` (SGDR, Loshchilov & Hutter
    2017, without restarts), as transformers' `get_cosine_schedule_with_warmup` draws it: the first
    update of a warm-up has rate 0. A run shorter than its warm-up never leaves it.
    """
    peak, warmup = hyperparameters.learning_rate, hyperparameters.warmup_steps
    if step < warmup:
        return peak * step / warmup
    if hyperparameters.schedule == "constant":
        return peak
    done = (step - warmup) / max(1, total - warmup)
    return peak * 0.5 * (1.0 + math.cos(math.pi * done))
