"""Which parts of a model phase 2 leaves alone: slices of query, key and value heads, or whole layers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cftray.analysis.figures.style import INK, MUTED, RULE, WIDTH, figure, look, save
from cftray.errors import InternalError

NAME = "frozen"
PROJECTIONS = ("q", "k", "v")
FROZEN, FREE = "#0b3c5d", "#ececec"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenMap:
    """`layers` are frozen whole; of the others `heads[projection][layer]` lists the heads whose slices are.

    `counts` says how many heads a projection has, where that is known.
    """

    depth: int
    k: int
    layers: Sequence[int] = ()
    heads: Mapping[str, Sequence[Sequence[int]]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> FrozenMap:
        """From the `selection.json` of a stage `select_frozen`. Raises InternalError where it can't be read."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            counts = {one: len(by_layer[0]) for one, by_layer in told["changes"].items()}
            return cls(depth=told["depth"], k=told["k"], layers=told["layers"], heads=told["heads"], counts=counts)
        except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
            raise InternalError(f"{path.name}: a selection of what is frozen can't be read: {error}") from error

    def heads_of(self, projection: str) -> int:
        """How many heads the projection has; at least as many as are frozen in any layer."""
        frozen = [head for layer in self.heads.get(projection, ()) for head in layer]
        return max(self.counts.get(projection, 0), max(frozen, default=0) + 1)


def frozen_map(selection: FrozenMap, folder: Path, name: str = NAME) -> tuple[Path, Path]:
    """Layers upwards, heads across, both from 1; dark is frozen. Beside it the share of heads frozen in each layer."""
    if not selection.heads:
        return _whole_layers(selection, folder, name)
    widths = [selection.heads_of(one) for one in PROJECTIONS]
    height = min(8.0, 1.3 + 0.16 * selection.depth)
    with figure(WIDTH, max(2.4, height)) as drawn:
        ratios = [max(one, 0.22 * sum(widths)) for one in widths]
        axes = drawn.subplots(1, 4, sharey=True, width_ratios=[*ratios, 0.4 * sum(ratios)])
        for axis, projection, heads in zip(axes, PROJECTIONS, widths, strict=False):
            _slices(axis, selection, projection, heads)
        _shares(axes[3], selection, widths)
        axes[0].set(ylabel="decoder layer, from 1", ylim=(0.5, selection.depth + 0.5))
        _layer_ticks(axes[0].yaxis)
        drawn.suptitle(
            f"dark: frozen, for each head the {selection.k} of {selection.depth} layers that phase 1 changed most",
            fontsize=8.5,
        )
        return save(drawn, folder, name)


def _slices(axis: Any, selection: FrozenMap, projection: str, heads: int) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.ticker import MaxNLocator

    cells: dict[bool, list[list[tuple[float, float]]]] = {False: [], True: []}
    for layer, frozen in enumerate(selection.heads[projection]):
        for head in range(heads):
            left, low = head + 0.55, layer + 0.55
            cells[head in frozen].append([(left, low), (left + 0.9, low), (left + 0.9, low + 0.9), (left, low + 0.9)])
    for frozen_here, colour in ((False, FREE), (True, FROZEN)):
        axis.add_collection(PolyCollection(cells[frozen_here], facecolors=colour, edgecolors="none"))
    axis.set(title=f"{projection}_proj", xlabel="head", xlim=(0.5, heads + 0.5))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8 if heads > 8 else 4, min_n_ticks=1))
    axis.grid(visible=False)
    axis.spines[["left", "bottom"]].set_visible(False)
    axis.tick_params(length=0)


def _shares(axis: Any, selection: FrozenMap, widths: Sequence[int]) -> None:
    """Of each projection's heads, how many are frozen in a layer."""
    layers = range(1, selection.depth + 1)
    for number, (projection, heads) in enumerate(zip(PROJECTIONS, widths, strict=True)):
        style = look(number)
        shares = [100 * len(frozen) / heads for frozen in selection.heads[projection]]
        axis.plot(shares, layers, color=style.colour, linestyle=style.dashes, marker=style.marker, markersize=3.5,
                  label=projection)  # fmt: skip
    axis.set(title="heads frozen", xlabel="%", xlim=(-4, 104), xticks=[0, 50, 100])
    axis.legend(loc="best", handlelength=2.4)


def _whole_layers(selection: FrozenMap, folder: Path, name: str) -> tuple[Path, Path]:
    with figure(WIDTH, 1.15) as drawn:
        axis = drawn.subplots()
        for layer in range(1, selection.depth + 1):
            frozen = layer - 1 in selection.layers
            axis.bar(layer, 1, 0.9, color=FROZEN if frozen else FREE, edgecolor="white" if frozen else RULE,
                     hatch="///" if frozen else "", linewidth=0.6)  # fmt: skip
        axis.set(xlabel="decoder layer, from 1", yticks=[], xlim=(0.4, selection.depth + 0.6))
        axis.set_title(
            f"dark, hatched: frozen, {len(selection.layers)} of {selection.depth} layers", fontsize=8.5, color=INK
        )
        axis.grid(visible=False)
        axis.spines[["left", "bottom"]].set_visible(False)
        axis.tick_params(length=0, colors=MUTED)
        _layer_ticks(axis.xaxis)
        return save(drawn, folder, name)


def _layer_ticks(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, nbins=10, steps=[1, 2, 4, 5, 10], min_n_ticks=1))
