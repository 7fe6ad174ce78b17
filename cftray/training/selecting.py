"""LF_H1 and LF_H2 over two model folders, in a worker: both are streamed, two tensors at a time."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cftray.errors import Cancelled, ModelError
from cftray.spec.mitigation import frozen_layers
from cftray.store.atomic import write_atomic
from cftray.training.frozen import (
    PROJECTIONS,
    Selection,
    depth_of,
    freezing_fault,
    frozen_parameters,
    head_dim_of,
    heads_fault,
    layer_of,
    refuse_other_architecture,
)
from cftray.training.weights import Headers, config_of, headers, parameter_count, read_stored, shapes_of


def select(request: Mapping[str, Any]) -> dict[str, Any]:
    """Write `selection.json` and `selection.png` into the request's folder; gives counts of parameters.

    Raises ModelError where the models differ in more than their values, not at all, or can't be frozen
    so; Cancelled once the stop file exists.
    """
    base, model = Path(request["base"]), Path(request["model"])
    ours, theirs = headers(base), headers(model)
    shapes = shapes_of(ours)
    fault = freezing_fault(config_of(base), request["k"])
    if fault is not None:
        raise ModelError(f"mitigation.k is {request['k']}; {fault}")
    refuse_other_architecture(shapes, shapes_of(theirs))
    depth = depth_of(ours)
    k = frozen_layers(request["k"], depth)
    if request["method"] == "lf_h1":
        chosen = random.Random(f"lf_h1/{request['seed']}").sample(range(depth), k)
        selection = Selection(
            method="lf_h1", k=k, depth=depth, head_dim=head_dim_of(config_of(base)), layers=tuple(sorted(chosen))
        )
    else:
        fault = heads_fault(ours)
        if fault is not None:
            raise ModelError(f"lf_h2 needs {fault}")
        selection = most_changed(ours, theirs, k, depth, head_dim_of(config_of(base)), Path(request["stop"]))
    folder = Path(request["folder"])
    write_atomic(folder / "selection.json", selection.model_dump_json(indent=1))
    _picture(selection, folder / "selection.png")
    frozen = frozen_parameters(shapes, selection)
    share = frozen / parameter_count(shapes)
    return {"k": k, "layers": depth, "frozen_parameters": frozen, "frozen_share": share}


def most_changed(ours: Headers, theirs: Headers, k: int, depth: int, head_dim: int, stop: Path) -> Selection:
    """For each head of q, k and v the k layers whose rows phase 1 changed most (L2 norm, float64).

    Of layers that changed alike the first count more. Biases are no part of the norm.
    """
    changes: dict[str, list[list[float]]] = {projection: [[] for _ in range(depth)] for projection in PROJECTIONS}
    for name, (file, _) in ours.items():
        place = layer_of(name)
        for projection in PROJECTIONS:
            if place is not None and place[1] == f"self_attn.{projection}_proj.weight":
                if stop.exists():
                    raise Cancelled("stopped because it was asked to")
                moved = read_stored(theirs[name][0], name).double() - read_stored(file, name).double()
                norms = torch.linalg.vector_norm(moved.view(-1, head_dim * moved.shape[1]), dim=1).tolist()
                if not all(map(math.isfinite, norms)):
                    raise ModelError(
                        f"{name} holds values that are not finite, in the base or in P1; lf_h2 can't rank it"
                    )
                changes[projection][place[0]] = norms
    if not any(value for by_layer in changes.values() for layer in by_layer for value in layer):
        raise ModelError(
            "q, k and v of P1 are the base's, so lf_h2 has no change to rank; name P1's own base, or use lf_h1"
        )
    heads: dict[str, tuple[tuple[int, ...], ...]] = {}
    for projection, by_layer in changes.items():
        frozen: list[list[int]] = [[] for _ in range(depth)]
        for head in range(len(by_layer[0])):
            for layer in sorted(range(depth), key=lambda one: (-by_layer[one][head], one))[:k]:
                frozen[layer].append(head)
        heads[projection] = tuple(tuple(layer) for layer in frozen)
    kept = {name: tuple(tuple(layer) for layer in by_layer) for name, by_layer in changes.items()}
    return Selection(method="lf_h2", k=k, depth=depth, head_dim=head_dim, heads=heads, changes=kept)


def _picture(selection: Selection, path: Path) -> None:
    """Layers by heads: colour is the change, a cross marks what is frozen."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    if selection.method == "lf_h1":
        figure, axis = pyplot.subplots(figsize=(6.0, 1.6), layout="constrained")
        axis.bar(range(selection.depth), 1, color="#d9d9d9", edgecolor="white")
        axis.bar(selection.layers, 1, color="#08519c", edgecolor="white", hatch="//")
        axis.set(xlabel="decoder layer", yticks=[], xlim=(-0.6, selection.depth - 0.4))
        axis.set_title(
            f"dark, hatched: frozen, {selection.k} of {selection.depth} layers drawn by the seed", fontsize=10
        )
    else:
        widths = [len(selection.changes[one][0]) for one in PROJECTIONS]
        size = (2.4 + 0.28 * sum(widths), 1.6 + 0.22 * selection.depth)
        figure, axes = pyplot.subplots(
            1, 3, figsize=size, layout="constrained", width_ratios=widths, sharey=True, squeeze=True
        )
        most = max(value for by_layer in selection.changes.values() for layer in by_layer for value in layer)
        for axis, projection in zip(axes, PROJECTIONS, strict=True):
            image = axis.imshow(
                selection.changes[projection], cmap="cividis", vmin=0, vmax=most or 1, aspect="auto", origin="lower"
            )
            for layer, heads in enumerate(selection.heads[projection]):
                axis.plot(heads, [layer] * len(heads), "x", color="white", markersize=6, markeredgewidth=2.6)
                axis.plot(heads, [layer] * len(heads), "x", color="#d62728", markersize=5, markeredgewidth=1.4)
            axis.set(title=f"{projection}_proj", xlabel="head", xticks=range(widths[PROJECTIONS.index(projection)]))
        axes[0].set(ylabel="decoder layer", yticks=range(selection.depth))
        figure.colorbar(image, ax=axes, label="change in phase 1 (L2 norm)")
        figure.suptitle(f"× frozen: the {selection.k} most changed of {selection.depth} layers, per head")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
