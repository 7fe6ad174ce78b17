"""What a phase trains of a model: all of it, all but a selection, or low-rank updates alone.

A projection of which only some heads are frozen becomes two parameters, frozen rows and trained rows.
Masking the gradient instead would not hold: decoupled weight decay moves what has no gradient, and
optimizer state would be kept for nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn import functional

from cftray.errors import ModelError
from cftray.spec.mitigation import LowRank
from cftray.training.frozen import Selection, lora_fault

BASE = ".base_layer"
_A, _B = ".lora_A.default.weight", ".lora_B.default.weight"


class SplitLinear(torch.nn.Module):
    """A linear layer whose rows are two parameters; gives what `torch.nn.Linear` gives.

    `frozen` are its frozen rows. No gradient of the frozen rows is ever computed.
    """

    def __init__(self, whole: torch.nn.Linear, frozen: Sequence[int]) -> None:
        super().__init__()
        self.in_features, self.out_features = whole.in_features, whole.out_features
        left_alone = set(frozen)
        self.rows = {
            "frozen": sorted(left_alone),
            "trained": [row for row in range(whole.out_features) if row not in left_alone],
        }
        like = whole.weight
        for name, rows in self.rows.items():
            shape = (len(rows), whole.in_features)
            weight = torch.empty(shape, dtype=like.dtype, device=like.device)
            self.register_parameter(f"{name}_weight", torch.nn.Parameter(weight, requires_grad=name == "trained"))
            bias = None
            if whole.bias is not None:
                empty = torch.empty(len(rows), dtype=whole.bias.dtype, device=whole.bias.device)
                bias = torch.nn.Parameter(empty, requires_grad=name == "trained")
            self.register_parameter(f"{name}_bias", bias)
        self._runs = list(_runs(self.out_features, left_alone))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(..., in_features) to (..., out_features), rows in the order of the whole."""
        parts = {
            True: functional.linear(hidden, self.frozen_weight, self.frozen_bias),
            False: functional.linear(hidden, self.trained_weight, self.trained_bias),
        }
        return torch.cat([parts[frozen][..., start:end] for frozen, start, end in self._runs], dim=-1)


def _runs(rows: int, frozen: set[int]) -> Iterator[tuple[bool, int, int]]:
    """(frozen, from, to) of each run of rows alike, counted within its part."""
    seen = {True: 0, False: 0}
    for kind, group in itertools.groupby(range(rows), key=frozen.__contains__):
        length = sum(1 for _ in group)
        yield kind, seen[kind], seen[kind] + length
        seen[kind] += length


def split(model: Any, selection: Selection) -> None:
    """Freeze what the selection says; part-frozen projections are left empty, to be filled with `fill`.

    Raises ModelError where a selected projection is no linear layer.
    """
    for name, parameter in list(model.named_parameters()):
        rows = selection.rows(name)
        if rows is None:
            parameter.requires_grad_(False)
            continue
        if not rows or not name.endswith(".weight"):
            continue
        path = name.removesuffix(".weight")
        parent, last = path.rsplit(".", 1)
        whole = model.get_submodule(path)
        if not isinstance(whole, torch.nn.Linear):
            raise ModelError(f"{path} is a {type(whole).__name__}; lf_h2 needs linear projections")
        if len(rows) == whole.out_features:
            for one in whole.parameters():
                one.requires_grad_(False)
            continue
        setattr(model.get_submodule(parent), last, SplitLinear(whole, rows))
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ModelError("freezing leaves nothing to train; choose a smaller mitigation.k")


def add_lora(model: Any, lora: LowRank, seed: int) -> None:
    """Low-rank updates beside the target modules; they alone are trained.

    Their first values are drawn on the CPU, alike on every rank. Raises ModelError for targets that are
    not there or no linear layers.
    """
    import peft

    fault = lora_fault((name for name, _ in model.named_parameters()), lora.targets)
    if fault is not None:
        raise ModelError(f"mitigation.targets: expected {fault}")
    for name, module in model.named_modules():
        if name.split(".")[-1] in lora.targets and not isinstance(module, torch.nn.Linear):
            raise ModelError(f"{name} is a {type(module).__name__}; mitigation.targets names linear modules only")
    torch.manual_seed(seed)
    config = peft.LoraConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=list(lora.targets), lora_dropout=0.0)
    peft.inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(".lora_" in name)


def is_adapter(name: str) -> bool:
    """Whether a parameter belongs to a low-rank update."""
    return name.endswith((_A, _B))


def stored_name(name: str) -> str:
    """The name under which a parameter is stored; both parts of a split one have the same."""
    for kind in ("weight", "bias"):
        for part in ("frozen", "trained"):
            if name.endswith(f".{part}_{kind}"):
                return f"{name.removesuffix(f'.{part}_{kind}')}.{kind}"
    return name.replace(BASE, "")


def rows_of(model: Any, name: str) -> list[int] | None:
    """Which rows of its stored tensor a parameter holds; None: all of them."""
    path, _, last = name.rpartition(".")
    if not last.startswith(("frozen_", "trained_")):
        return None
    module = model.get_submodule(path)
    rows: list[int] = module.rows[last.split("_")[0]]
    return rows


def update_of(model: Any, name: str) -> tuple[Any, Any, float] | None:
    """(A, B, scale) of the low-rank update of a weight, None where it has none: W becomes W + scale · B A."""
    path = name.removesuffix(f"{BASE}.weight")
    if path == name:
        return None
    layer = model.get_submodule(path)
    return layer.lora_A["default"].weight, layer.lora_B["default"].weight, float(layer.scaling["default"])
