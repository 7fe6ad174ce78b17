"""Where in a model a stored tensor belongs, by its name."""

from __future__ import annotations

import re
from typing import Final

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")

KINDS: Final[tuple[str, ...]] = ("embed", "q", "k", "v", "o", "gate", "up", "down", "norm", "lm_head", "other")
"""The kinds of modules, in the order in which they are shown. Fused projections (`qkv_proj`, `c_attn`) are `other`."""

_BY_NAME: Final[dict[str, str]] = {
    "embed_tokens": "embed", "embed_positions": "embed", "wte": "embed", "wpe": "embed",
    "q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o", "out_proj": "o",
    "gate_proj": "gate", "up_proj": "up", "down_proj": "down",
    "w1": "gate", "w3": "up", "w2": "down",
    "lm_head": "lm_head",
}  # fmt: skip
"""Llama's names and those of its kin; w1 to w3 are the experts' of Mixtral."""


def layer_number(name: str) -> int | None:
    """The decoder layer that a tensor is part of; None for embeddings, the last norm and the head."""
    found = _LAYER.search(name)
    return int(found[1]) if found else None


def module_kind(name: str) -> str:
    """One of `KINDS`; a bias is of its weight's kind."""
    module = name.rpartition(".")[0].rpartition(".")[2]
    if "norm" in module or module.startswith("ln_"):
        return "norm"
    return _BY_NAME.get(module, "other")
