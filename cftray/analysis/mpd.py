"""Model parameter difference: how far two models of one architecture are from each other.

    f_MPD(Θ₁, Θ₂) = (1/n) Σᵢ ‖wᵢ(Θ₁) − wᵢ(Θ₂)‖₂

over the n named parameter tensors (paper, section 3.1): every tensor counts alike, a norm's 4,096 numbers as
much as an embedding's hundred millions. The same mean is given for the tensors of each layer and of each
kind of module.

Tensors are read in pieces by a few threads, never whole (`mpd_stream`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final

from cftray.analysis.modules import KINDS, layer_number, module_kind
from cftray.analysis.mpd_files import Stored, stored_tensors
from cftray.analysis.mpd_stream import THREADS, Told, pair_bytes, squares_of
from cftray.errors import ModelError

SHOWN: Final = 5

@dataclass(frozen=True, slots=True, kw_only=True)
class TensorDifference:
    """One tensor: `norm` is ‖w(Θ₁) − w(Θ₂)‖₂ over its `size` numbers."""

    name: str
    layer: int | None
    module: str
    size: int
    norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The mean norm of some of the tensors; `size` is how many numbers they hold together."""

    mpd: float
    tensors: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDifference:
    """MPD of the whole, of each layer and of each kind of module, and what they are means of, in order of names.

    `stored` are the number formats of the first and of the second model; `bytes` were read of both together.
    """

    whole: Part
    layers: Mapping[int, Part]
    modules: Mapping[str, Part]
    tensors: tuple[TensorDifference, ...]
    stored: tuple[tuple[str, ...], tuple[str, ...]]
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """For records: JSON has no whole numbers as keys, so layers are a list."""
        return {
            **asdict(self.whole),
            "layers": [{"layer": layer, **asdict(part)} for layer, part in self.layers.items()],
            "modules": {kind: asdict(part) for kind, part in self.modules.items()},
            "of_tensors": [asdict(one) for one in self.tensors],
            "stored": [list(one) for one in self.stored],
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A result of a compared set, each figure over the largest of its sort in the set: from 0 to 1."""

    mpd: float
    layers: Mapping[int, float]
    modules: Mapping[str, float]
    tensors: Mapping[str, float]


def model_difference(
    first: str, second: str, *, threads: int = THREADS, told: Told = lambda done, of: None
) -> ModelDifference:
    """The difference of two models: folders, .safetensors files, or URLs of either.

    Memory does not grow with the models (`mpd_stream`). Raises ModelError where the models have not the same
    tensors (before any weight is read), can't be read, or hold what is not finite; InfraError where a file
    can't be reached.
    """
    with ExitStack() as until:
        ours, theirs = stored_tensors(first, until), stored_tensors(second, until)
        refuse_unlike(ours, theirs)
        pairs = [(ours[name], theirs[name]) for name in sorted(ours)]
        squares = squares_of(pairs, threads, told)
    tensors = tuple(_tensor(one, sum_of) for (one, _), sum_of in zip(pairs, squares, strict=True))
    return _composed(tensors, pairs)


def refuse_unlike(ours: Mapping[str, Stored], theirs: Mapping[str, Stored]) -> None:
    """Raises ModelError unless both have the same tensors of the same shapes, and at least one."""
    faults = [f"{name} is only in the first" for name in sorted(ours.keys() - theirs.keys())]
    faults += [f"{name} is only in the second" for name in sorted(theirs.keys() - ours.keys())]
    faults += [
        f"{name} is {list(ours[name].shape)} in the first and {list(theirs[name].shape)} in the second"
        for name in sorted(ours.keys() & theirs.keys())
        if ours[name].shape != theirs[name].shape
    ]
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise ModelError(
            f"the models are not of one architecture: {'; '.join(faults[:SHOWN])}{more}; MPD compares models that "
            "were tuned from one base"
        )
    if not ours:
        raise ModelError("neither model stores a tensor; expected the weights of two models")


def normalised(found: Mapping[str, ModelDifference]) -> dict[str, Normalised]:
    """Each result over the largest of the set, as the paper does before it compares (section 3.1).

    The whole is over the largest whole, a layer over the largest of all layers, a kind over the largest of all
    kinds, a tensor over the largest of all tensors: profiles keep their shape. Where all are 0 they stay 0.
    Raises ModelError where the results are not of one architecture.
    """
    if len({tuple(one.name for one in result.tensors) for result in found.values()}) > 1:
        raise ModelError(f"{', '.join(found)} are not of one architecture; only like is normalised with like")
    most_whole = _most(one.whole.mpd for one in found.values())
    most_layer = _most(part.mpd for one in found.values() for part in one.layers.values())
    most_module = _most(part.mpd for one in found.values() for part in one.modules.values())
    most_tensor = _most(tensor.norm for one in found.values() for tensor in one.tensors)
    return {
        name: Normalised(
            mpd=one.whole.mpd / most_whole,
            layers={layer: part.mpd / most_layer for layer, part in one.layers.items()},
            modules={kind: part.mpd / most_module for kind, part in one.modules.items()},
            tensors={tensor.name: tensor.norm / most_tensor for tensor in one.tensors},
        )
        for name, one in found.items()
    }


def _most(values: Iterator[float]) -> float:
    return max(values, default=0.0) or 1.0


def _tensor(stored: Stored, squares: float) -> TensorDifference:
    return TensorDifference(
        name=stored.name,
        layer=layer_number(stored.name),
        module=module_kind(stored.name),
        size=stored.size,
        norm=math.sqrt(squares),
    )


def _composed(tensors: tuple[TensorDifference, ...], pairs: list[tuple[Stored, Stored]]) -> ModelDifference:
    layers = sorted({one.layer for one in tensors if one.layer is not None})
    kinds = [kind for kind in KINDS if any(one.module == kind for one in tensors)]
    formats = [tuple(sorted({pair[side].dtype for pair in pairs})) for side in range(2)]
    return ModelDifference(
        whole=_part(tensors),
        layers={layer: _part(tuple(one for one in tensors if one.layer == layer)) for layer in layers},
        modules={kind: _part(tuple(one for one in tensors if one.module == kind)) for kind in kinds},
        tensors=tensors,
        stored=(formats[0], formats[1]),
        bytes=sum(pair[0].size * pair_bytes(pair) for pair in pairs),
    )


def _part(tensors: tuple[TensorDifference, ...]) -> Part:
    return Part(
        mpd=math.fsum(one.norm for one in tensors) / len(tensors),
        tensors=len(tensors),
        size=sum(one.size for one in tensors),
    )
