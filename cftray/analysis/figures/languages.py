"""Figure D3 of the paper: English beside other languages, in a model's activations on parallel sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cftray.analysis.crosslingual import Crosslingual
from cftray.analysis.figures.style import INK, MUTED, WIDTH, Look, figure, look, save

MAPS, CURVES = "languages", "alignment"
BEFORE_INK = 6
"""Looks before the one in black, which no language has but the pivot."""


def language_maps(results: Sequence[Crosslingual], folder: Path, name: str = MAPS) -> tuple[Path, Path]:
    """A row for each model: its layers as in the paper, and single sentences at one layer; gives PNG and SVG."""
    with figure(WIDTH + 0.9, 3.0 * len(results) + 0.2) as drawn:
        axes = drawn.subplots(len(results), 2, squeeze=False)
        for row, result in zip(axes, results, strict=True):
            _layers(row[0], result)
            _sentences(row[1], result)
        return save(drawn, folder, name)


def alignment_curves(results: Sequence[Crosslingual], folder: Path, name: str = CURVES) -> tuple[Path, Path]:
    """Cosine of aligned less that of shuffled sentences by layer, a panel a model; gives PNG and SVG."""
    with figure(min(2, len(results)) * 0.55 * WIDTH + 0.9, 2.8 * -(-len(results) // 2)) as drawn:
        axes = drawn.subplots(-(-len(results) // 2), min(2, len(results)), squeeze=False, sharey=True).ravel()
        for axis, result in zip(axes, results, strict=False):
            _alignment(axis, result)
        for axis in axes[len(results) :]:
            axis.set_visible(False)
        return save(drawn, folder, name)


def _layers(axis: Any, result: Crosslingual) -> None:
    for number, (label, points) in enumerate(zip((result.pivot, "the others"), result.layer_points, strict=True)):
        style = look(number)
        across, up = zip(*points, strict=True)
        axis.plot(
            across, up, color=style.colour, linestyle=style.dashes, linewidth=0.7, marker=style.marker,
            markerfacecolor=style.colour if number == 0 else "white", label=label,
        )  # fmt: skip
        for layer in (1, len(points)):
            axis.annotate(str(layer), points[layer - 1], xytext=(4, 4), textcoords="offset points", fontsize=7,
                          color=style.colour)  # fmt: skip
    _bare(axis, f"{result.label}: layers, means over sentences")
    axis.legend(loc="best")


def _sentences(axis: Any, result: Crosslingual) -> None:
    """The pivot in black and filled, on top; each other language by its own colour and marker."""
    others = [one for one in result.sentence_points if one != result.pivot]
    for number, language in enumerate(others):
        style = _look(number)
        across, up = zip(*result.sentence_points[language], strict=True)
        axis.plot(across, up, style.marker, color=style.colour, markerfacecolor="none", markersize=3.5,
                  markeredgewidth=0.8, label=language)  # fmt: skip
    across, up = zip(*result.sentence_points[result.pivot], strict=True)
    axis.plot(across, up, "*", color=INK, markersize=5.5, label=result.pivot)
    _bare(axis, f"{result.label}: sentences at layer {result.drawn_layer}")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2)


def _alignment(axis: Any, result: Crosslingual) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, (language, layers) in enumerate(result.by_language.items()):
        style = _look(number)
        places = [one.layer for one in layers]
        axis.plot(
            places, [one.difference for one in layers], color=style.colour, linestyle=style.dashes,
            marker=style.marker, markevery=max(1, len(layers) // 8), label=language,
        )  # fmt: skip
        axis.fill_between(
            places, [one.low for one in layers], [one.high for one in layers], color=style.colour, alpha=0.12,
            linewidth=0,
        )  # fmt: skip
    axis.axhline(0, color=MUTED, linewidth=0.7)
    axis.set(
        title=result.label, xlabel="layer (0: embeddings)", ylabel=f"cosine with {result.pivot}:\naligned − shuffled"
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _look(number: int) -> Look:
    """Of the n-th language, the same in both figures."""
    return look(number + number // BEFORE_INK)


def _bare(axis: Any, title: str) -> None:
    axis.set(title=title, xticks=[], yticks=[])
    axis.margins(0.08)
    axis.set_xlabel("t-SNE", color=MUTED, fontsize=7.5)
    axis.spines[["top", "right"]].set_visible(True)
