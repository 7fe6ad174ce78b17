"""Sampling whose every draw follows from the row and the step, never from neighbours in the batch.

Each row has a counter-based source of its own (Philox, Salmon et al. 2011, "Parallel random numbers: as easy
as 1, 2, 3"), keyed by its seed; a step takes one uniform number of it and looks up where it falls in the
cumulated probabilities (inverse transform sampling). So a step costs one number a row, not one a token of the
vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import LogitsProcessor

from cftray.generation.seeds import row_seed

BELOW_ONE = 1 - 2.0**-50
"""Keeps a draw below the sum of the probabilities whatever is rounded."""


class Temperature(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Divides logits, the largest of them moved to 0 first, so that a small temperature overflows nothing."""

    def __init__(self, temperature: float) -> None:
        self.temperature = temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(rows, vocabulary) logits in float32."""
        scores = scores.float()
        return (scores - scores.amax(dim=-1, keepdim=True)) / self.temperature


class InverseTransform(LogitsProcessor):  # type: ignore[misc,unused-ignore]
    """Draws each row's next token; one processor serves one call of `generate`, step by step."""

    def __init__(self, ids: Sequence[str], seed: int) -> None:
        self.sources = [np.random.Generator(np.random.Philox(key=row_seed(seed, one))) for one in ids]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """(rows, vocabulary) logits, 0 at the drawn token and minus infinity elsewhere."""
        uniform = torch.tensor(self.uniform(), dtype=torch.float64, device=scores.device)
        drawn = inverse_transform(scores, uniform)
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn[:, None], 0.0)

    def uniform(self) -> list[float]:
        """The next number of each row, in [0, 1)."""
        return [one.random() for one in self.sources]


def inverse_transform(scores: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """(rows,) tokens: of (rows, vocabulary) logits those at which the softmax, cumulated, first exceeds `uniform`.

    Cumulated in float64: in float32 the rare tokens at the end of a large vocabulary would have no width.
    """
    cumulated = scores.softmax(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    target = uniform[:, None] * (cumulated[:, -1:] * BELOW_ONE)
    return torch.searchsorted(cumulated, target, right=True)[:, 0]
