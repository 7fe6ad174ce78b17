"""Which parameters a phase leaves alone: the selection's file, and what rules one out. Imports no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from cftray.errors import ModelError
from cftray.spec.base import SpecModel
from cftray.spec.mitigation import LowRank, frozen_layers
from cftray.training.weights import parameter_count

PROJECTIONS = ("q", "k", "v")
_LAYER = re.compile(r"^(?P<list>(?:\w+\.)*?(?:layers|h))\.(?P<number>\d+)\.(?P<rest>.+)$")


class Selection(SpecModel):
    """`layers` are frozen whole; of the others `heads[projection][layer]` lists the heads whose rows are.

    `head_dim` is how many rows of a projection's weight are one head's.
    """

    method: Literal["lf_h1", "lf_h2"]
    k: int
    depth: int
    head_dim: int
    layers: tuple[int, ...] = ()
    heads: dict[str, tuple[tuple[int, ...], ...]] = {}  # noqa: RUF012 - frozen models are never changed
    changes: dict[str, tuple[tuple[float, ...], ...]] = {}  # noqa: RUF012

    @classmethod
    def read(cls, path: Path) -> Selection:
        """The selection that a stage wrote."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))

    def rows(self, name: str) -> list[int] | None:
        """Frozen rows of the stored tensor `name`, in order; None where it is frozen whole, empty where free."""
        place = layer_of(name)
        if place is None:
            return []
        layer, rest = place
        if layer in self.layers:
            return None
        for projection, by_layer in self.heads.items():
            if rest in (f"self_attn.{projection}_proj.weight", f"self_attn.{projection}_proj.bias"):
                return [row for head in by_layer[layer] for row in self._rows_of(head)]
        return []

    def _rows_of(self, head: int) -> range:
        return range(head * self.head_dim, (head + 1) * self.head_dim)


def layer_of(name: str) -> tuple[int, str] | None:
    """(layer, rest of the name) of a decoder layer's parameter; None for any other."""
    found = _LAYER.match(name)
    return (int(found["number"]), found["rest"]) if found else None


def depth_of(names: Iterable[str]) -> int:
    """How many decoder layers the parameters of these names make."""
    return len({place[0] for name in names if (place := layer_of(name)) is not None})


def head_dim_of(config: Mapping[str, Any]) -> int:
    """Rows of a query projection that are one head's, from a model's config.json."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def freezing_fault(config: Mapping[str, Any], k: int | None) -> str | None:
    """What rules out freezing `k` layers of a model with this config.json, or None."""
    depth = config.get("num_hidden_layers") or config.get("n_layer")
    if not isinstance(depth, int):
        return "its config.json gives no num_hidden_layers, so layers can't be chosen"
    if frozen_layers(k, depth) > depth:
        return f"at most {depth}: the base model has {depth} layers"
    return None


def heads_fault(names: Iterable[str]) -> str | None:
    """Why heads can't be frozen one by one in a model with these parameters, or None."""
    known = set(names)
    depth = depth_of(known)
    lacking = [
        f"layer {layer} has no self_attn.{projection}_proj"
        for layer in range(depth)
        for projection in PROJECTIONS
        if not any(name.endswith(f".{layer}.self_attn.{projection}_proj.weight") for name in known)
    ]
    if depth and not lacking:
        return None
    what = lacking[0] if lacking else "no decoder layers were found"
    return f"a model with separate q_proj, k_proj and v_proj, such as Llama, Mistral or Qwen2 ({what})"


def lora_fault(names: Iterable[str], targets: Iterable[str]) -> str | None:
    """The targets of LoRA that no weight of a decoder layer belongs to, in words, or None.

    Embeddings and the head are left out: where they are tied, an update of one could not be merged.
    """
    known = {name.split(".")[-2] for name in names if name.endswith(".weight") and layer_of(name) is not None}
    known = {module for module in known if "norm" not in module}
    absent = [target for target in targets if target not in known]
    if not absent:
        return None
    return (
        f"linear modules of the base model's decoder layers ({', '.join(sorted(known))}); "
        f"none in it is called {' or '.join(absent)}"
    )


def is_target(name: str, targets: Iterable[str]) -> bool:
    """Whether LoRA changes the stored tensor `name`."""
    return name.endswith(".weight") and name.split(".")[-2] in targets


def trained_parameters(shapes: Mapping[str, tuple[int, ...]], selection: Selection | None, lora: LowRank | None) -> int:
    """How many numbers a phase trains of a model with these stored tensors."""
    if lora is not None:
        return sum(lora.rank * sum(shape) for name, shape in shapes.items() if is_target(name, lora.targets))
    return parameter_count(shapes) - (frozen_parameters(shapes, selection) if selection else 0)


def frozen_parameters(shapes: Mapping[str, tuple[int, ...]], selection: Selection) -> int:
    """How many numbers of a model with these stored tensors a selection freezes."""
    frozen = 0
    for name, shape in shapes.items():
        rows = selection.rows(name)
        frozen += math.prod(shape) if rows is None else math.prod(shape[1:]) * len(rows)
    return frozen


def refuse_other_architecture(base: Mapping[str, tuple[int, ...]], model: Mapping[str, tuple[int, ...]]) -> None:
    """Raises ModelError where the P1 model does not have the base's tensors: shapes by stored name."""
    if depth_of(base) != depth_of(model):
        raise ModelError(f"P1 has {depth_of(model)} layers, the base {depth_of(base)}; freezing needs P1's own base")
    for name, shape in base.items():
        if layer_of(name) is not None and model.get(name) != shape:
            found = "is missing" if name not in model else f"is {model[name]}"
            raise ModelError(f"{name} is {shape} in the base and {found} in P1; freezing needs P1's own base")
