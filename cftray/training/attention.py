"""Exact attention over samples laid end to end: no sample sees its neighbour, and no T×T mask exists.

Registered with transformers as an attention implementation; the boundaries of the samples reach it
through the model's keyword arguments. Neighbours of similar length are gathered into a padded batch
and attend causally in it: padding lies behind every real token, so no real token ever sees it.
On CUDA with flash-attn installed, flash-attn's variable-length kernel does the same.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AttentionInterface

from cftray.errors import ModelError

NAME = "cftray_packed"
SIMILAR = 0.9
"""Samples at least this share of the longest one's length are padded to it; shorter ones start a new batch,
so that at least this share of every batch's positions holds a token."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Samples that attend as one padded batch of shape (count, longest)."""

    start: int
    end: int
    count: int
    longest: int
    real: torch.Tensor | None
    """int64 (end - start,): where each token stands in the padded batch; None where nothing is padded."""
    source: torch.Tensor | None
    """int64 (count * longest,): the token each place takes; padding takes the first."""
    padding: torch.Tensor | None
    """int64: the places that are padding."""


class Layout:
    """How the T tokens of a micro-batch split into padded batches; made once, used by every layer."""

    def __init__(self, boundaries: np.ndarray, device: torch.device) -> None:
        lengths = np.diff(boundaries)
        self.batches: list[_Batch] = []
        first = 0
        while first < len(lengths):
            last, longest = first + 1, int(lengths[first])
            while last < len(lengths) and SIMILAR * longest <= lengths[last] <= longest:
                last += 1
            self.batches.append(_batch(boundaries[first : last + 1], lengths[first:last], device))
            first = last


def _batch(boundaries: np.ndarray, lengths: np.ndarray, device: torch.device) -> _Batch:
    start, end, count, longest = int(boundaries[0]), int(boundaries[-1]), len(lengths), int(lengths.max())
    if end - start == count * longest:
        return _Batch(start, end, count, longest, None, None, None)
    places = np.arange(count * longest).reshape(count, longest)
    filled = np.arange(longest) < lengths[:, None]
    source = np.where(filled, (boundaries[:-1] - start)[:, None] + np.arange(longest), 0)
    as_tensor = [torch.from_numpy(part.ravel()).to(device) for part in (places[filled], source, places[~filled])]
    return _Batch(start, end, count, longest, *as_tensor)


class _Pad(torch.autograd.Function):
    """(tokens, …) → (places, …). The backward pass gathers as well: padding's gradient is dropped."""

    @staticmethod
    def forward(ctx: Any, states: torch.Tensor, source: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(real)
        return states.index_select(0, source)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None


class _Unpad(torch.autograd.Function):
    """(places, …) → (tokens, …). In the backward pass padding gets zeros."""

    @staticmethod
    def forward(
        ctx: Any, states: torch.Tensor, source: torch.Tensor, real: torch.Tensor, padding: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(source, padding)
        return states.index_select(0, real)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        source, padding = ctx.saved_tensors
        return gradient.index_select(0, source).index_fill_(0, padding, 0.0), None, None, None


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """query (1, H, T, D), key and value (1, G, T, D) with G dividing H → (1, T, H, D).

    Dropout is left out on purpose: its pattern would depend on how samples are laid. Raises
    ModelError for a model whose attention needs more than scaled dot products over a causal window.
    """
    unknown = [name for name in ("softcap", "s_aux", "position_bias") if others.get(name) is not None]
    if attention_mask is not None or unknown:
        wanted = ", ".join(unknown) or "a mask of its own"
        raise ModelError(f"{type(module).__name__} wants {wanted}; packed training has only causal attention")
    groups = query.shape[1] // key.shape[1]
    states = [part[0].transpose(0, 1) for part in (query, key, value)]
    parts = []
    for batch in layout.batches:
        q, k, v = (_in_batch(part, batch) for part in states)
        mixed = _causal(q, k, v, groups, scaling, sliding_window)
        parts.append(_in_row(mixed.transpose(1, 2), batch))
    return (parts[0] if len(parts) == 1 else torch.cat(parts))[None], None


def _in_batch(states: torch.Tensor, batch: _Batch) -> torch.Tensor:
    """(T, H, D) → (count, H, longest, D)"""
    rows = states[batch.start : batch.end]
    if batch.source is not None:
        rows = _Pad.apply(rows, batch.source, batch.real)
    return rows.reshape(batch.count, batch.longest, *rows.shape[1:]).transpose(1, 2)


def _in_row(mixed: torch.Tensor, batch: _Batch) -> torch.Tensor:
    """(count, longest, H, D) → (tokens, H, D)"""
    rows = mixed.reshape(batch.count * batch.longest, *mixed.shape[2:])
    return rows if batch.source is None else _Unpad.apply(rows, batch.source, batch.real, batch.padding)


def _causal(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, groups: int, scaling: float | None, window: int | None
) -> torch.Tensor:
    longest = q.shape[2]
    mask = None
    if window is not None and longest > window:
        place = torch.arange(longest, device=q.device)
        distance = place[:, None] - place[None, :]
        mask = (distance >= 0) & (distance < window)
    return functional.scaled_dot_product_attention(
        q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=groups > 1
    )


def implementation(device: torch.device) -> str:
    """The name of the attention implementation that packed training uses on this device."""
    if device.type == "cuda" and importlib.util.find_spec("flash_attn") is not None:
        return "flash_attention_2"
    AttentionInterface.register(NAME, packed_attention)
    return NAME


def arguments(name: str, boundaries: np.ndarray, device: torch.device) -> dict[str, Any]:
    """The keyword arguments through which a model's forward pass learns the boundaries of its samples."""
    if name == NAME:
        return {"layout": Layout(boundaries, device)}
    ends = torch.from_numpy(boundaries).to(device)
    longest = int(np.diff(boundaries).max())
    return {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends, "max_length_q": longest, "max_length_k": longest}
