"""How alike the phases are, and what changed inside: DES, MPD, representations, languages side by side.

Read from the store alone. An analysis that is asked for and has no record is named with the reason: there can be none,
it failed, it needs a stage that failed, or it is still to come. None of that costs anything else.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftray.plan import StageKind
from cftray.report.analysed import ANALYSES, Analysed, by_module
from cftray.report.analysis_text import absent
from cftray.report.facts import Stages
from cftray.spec import ExperimentSpec
from cftray.store import Record, Store

SIDES = 2
WIDE = 1.6
"""Times its height that a picture of panels side by side is wide, at least."""
CAPTIONS = {
    "layers": "t-SNE of the layers of both models (the paper's Figure 1)",
    "covariance": "how far the activations' covariance differs, layer by layer (the paper's Figures 2 and D4)",
    "languages": "t-SNE of sentences that say the same in several languages (the paper's Figure D3)",
    "alignment": "how much nearer translations are to each other than other sentences, layer by layer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture as a data URI; one that is `wide` has panels side by side, which a narrow screen moves past."""

    title: str
    uri: str
    wide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """`facts` are (name, value) in words; `languages` (pair, DES, interval, rows) of each two languages."""

    facts: tuple[tuple[str, str], ...]
    languages: tuple[tuple[str, str, str, str], ...]
    figures: tuple[Figure, ...]


def likeness(spec: ExperimentSpec, stages: Stages, store: Store, analyses: Sequence[Analysed]) -> Likeness | None:
    """What the `analyses` of the spec found, or why they found nothing; None where none was asked for."""
    if not spec.analysis:
        return None
    recorded = {node.title: record for node, record in stages if node.kind in ANALYSES}
    return likeness_of([(one, recorded.get(one.title)) for one in analyses], store)


def likeness_of(
    found: Sequence[tuple[Analysed, Record | None]], store: Store, pictured: Collection[str] | None = None
) -> Likeness:
    """What analyses found, with pictures of those whose title is in `pictured`, None: of all."""
    facts: list[tuple[str, str]] = []
    for one, record in found:
        facts += _told(one.title, record) if record is not None else [(one.title, absent(one))]
    recorded = {one.title: record for one, record in found if record is not None}
    compared = [record.details for record in recorded.values() if record.kind == StageKind.DES]
    shown = [(title, record) for title, record in recorded.items() if pictured is None or title in pictured]
    return Likeness(
        facts=tuple((_capital(title), words) for title, words in facts),
        languages=tuple(one for details in compared for one in _languages(details)),
        figures=tuple(one for title, record in shown for one in _figures(title, record, store)),
    )


def _told(title: str, record: Record) -> Iterator[tuple[str, str]]:
    metrics = record.metrics
    match StageKind(record.kind):
        case StageKind.DES:
            yield title, _des(metrics, record.details)
        case StageKind.MPD:
            tensors = int(metrics["tensors"])
            yield title, f"{metrics['mpd']:.4g}, the mean over {tensors:,} tensors of their distance"
            kinds = ", ".join(f"{name} {value:.3g}" for name, value in by_module(record).items())
            yield f"{title}, by kind of module", kinds
        case StageKind.REPRESENTATIONS:
            yield title, _inside(metrics)
        case _:
            best = f"layer {int(metrics['alignment_best_layer'])}: {metrics['alignment_best']:.3f}"
            mean = f"{metrics['alignment_mean']:.3f} nearer (cosine) than other sentences, in the mean over layers"
            yield title, f"translations are {mean}; most in {best}"


def _des(metrics: Mapping[str, float], details: Mapping[str, Any]) -> str:
    ends = [metrics.get("des/low"), metrics.get("des/high")]
    interval = f" (95 %: {ends[0]:.3f} to {ends[1]:.3f})" if None not in ends else ""
    cuts = [value for name, value in metrics.items() if name.startswith("truncated/")]
    cut = f"at most {max(cuts):.1%} of a side's rows cut" if len(cuts) == SIDES else "how many were cut is not known"
    return f"{metrics['des']:.3f}{interval}, {details['samples']} rows a side, {cut}"


def _inside(metrics: Mapping[str, float]) -> str:
    told = [f"covariance of layers differs by {metrics['covariance_difference']:.4g}"]
    if "layer_difference_relative_mean" in metrics:
        told.append(f"layer by layer by {metrics['layer_difference_relative_mean']:.1%} of its size, in the mean")
    return f"{'; '.join(told)}; {int(metrics['prompts'])} prompts"


def _languages(details: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for pair in details["pairs"]:
        for one in pair["languages"]:
            interval = "" if one["low"] is None or one["high"] is None else f"{one['low']:.3f} to {one['high']:.3f}"
            rows = f"{one['rows'][0]}, {one['rows'][1]}" if "rows" in one else ""
            yield f"{one['first']}, {one['second']}", f"{one['des']:.3f}", interval, rows


def _figures(title: str, record: Record, store: Store) -> Iterator[Figure]:
    if "figures" not in record.outputs:
        return
    for path in sorted(Path(store.output(record, "figures")).glob("*.png")):
        caption = next((text for name, text in CAPTIONS.items() if name in path.stem), path.stem.replace("_", " "))
        content = path.read_bytes()
        uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
        yield Figure(title=f"{_capital(title)}: {caption}", uri=uri, wide=_wide(content))


def _wide(png: bytes) -> bool:
    """By the width and height that its header states."""
    width, height = (int.from_bytes(png[place : place + 4], "big") for place in (16, 20))
    return width > WIDE * height


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]
