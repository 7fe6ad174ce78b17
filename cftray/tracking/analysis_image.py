"""What analyses found, in MLflow's terms: metrics by the field's names, layers as steps, figures as artifacts.

`similarity/des` and `similarity/des/de`, `similarity/mpd` (of P1 and the base tuned on phase 2's data alone) and
`similarity/mpd/q`, `representations/…`, `crosslinguality/…`. On the experiment's run a figure is the mean over the
seeds and `…/std` their standard deviation, as scores are; what has layers is a curve for each seed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final

from cftray.plan import StageKind
from cftray.report.analysed import ANALYSES, Analysed, AnalysisState, Measure, analysed, measures_of, seed_of
from cftray.store import Record, Store
from cftray.tracking.images import Folder, milliseconds, points_of
from cftray.tracking.tracker import KEY_LENGTH, Point
from cftray.tracking.view import ExperimentView

FIGURES, RESULT = "figures", "result"
STOOD_FOR: Final = ("des", "mpd")
"""Metrics of records whose figures stand under names of the field."""

Layers = Iterator[tuple[str, int, float]]
"""(name, layer, value)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the experiment's run shows of its analyses."""

    found: tuple[Analysed, ...]
    points: tuple[Point, ...]
    layers: tuple[Point, ...]
    folders: Mapping[str, Folder]


def shown_analyses(view: ExperimentView, records: Mapping[str, Record], store: Store, *, over: bool) -> Shown:
    """`records` are by stage name. While the experiment goes on, a mean over seeds waits for all of them."""
    nodes = [node for node in view.plan.stages if node.kind in ANALYSES]
    there = [(node, records[node.name]) for node in nodes if node.name in records]
    at = max((milliseconds(record.finished_at) for _, record in there), default=0)
    found = analysed(view.spec, view.plan, store)
    layers: list[Point] = []
    for node, record in there:
        seed = seed_of(node, view.plan)
        suffix = f"/s{seed}" if seed is not None and len(view.plan.outcomes) > 1 else ""
        layers += layer_points(record, store, suffix)
    folders = {
        f"{FIGURES}/{node.name}": one for node, record in there for one in figures_folder(record, store).values()
    }
    return Shown(found=found, points=points_of(_means(found, over=over), at), layers=tuple(layers), folders=folders)


def named(record: Record) -> dict[str, float]:
    """Metrics of an analysis' own run: its figures with their intervals, its counts and seconds. Empty for other
    stages."""
    if record.kind not in ANALYSES:
        return {}
    known = tuple(measures_of(record))
    stand = {one.name.partition("/")[2] for one in known}
    others = {
        name: value
        for name, value in record.metrics.items()
        if name not in stand and name.partition("/")[0] not in STOOD_FOR
    }
    return {**_figures(known), **others, "wall_seconds": record.seconds}


def layer_points(record: Record, store: Store, suffix: str = "") -> tuple[Point, ...]:
    """Figures that there are of each layer, the layer as step; nothing for other stages, or where the file is gone."""
    at = milliseconds(record.finished_at)
    return tuple(
        Point(name=f"{name}{suffix}"[:KEY_LENGTH], value=value, step=layer, at=at)
        for name, layer, value in _layers(record, store)
    )


def figures_folder(record: Record, store: Store) -> dict[str, Folder]:
    """The stage's pictures, PNG and SVG, by the path under which they are artifacts."""
    if record.kind not in ANALYSES or FIGURES not in record.outputs:
        return {}
    place = store.output(record, FIGURES)
    return {FIGURES: Folder(place=place, sha256=record.outputs[FIGURES].sha256)} if place.is_dir() else {}


def _means(found: Sequence[Analysed], *, over: bool) -> dict[str, float]:
    """By kind: one seed's figures as they are, of several the mean and the standard deviation."""
    figures: dict[str, float] = {}
    for kind in dict.fromkeys(one.kind for one in found):
        asked = [one for one in found if one.kind is kind]
        whole = [one.measures for one in asked if one.state is AnalysisState.FOUND]
        if len(asked) == 1:
            figures |= _figures(whole[0]) if whole else {}
        elif whole and (over or len(whole) == len(asked)):
            figures |= _over_seeds(whole)
    return figures


def _figures(measures: Sequence[Measure]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for one in measures:
        ends = {"": one.value, "/low": one.low, "/high": one.high}
        figures |= {f"{one.name}{end}": value for end, value in ends.items() if value is not None}
    return figures


def _over_seeds(whole: Sequence[Sequence[Measure]]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name in (one.name for one in whole[0]):
        values = [one.value for measures in whole for one in measures if one.name == name]
        figures[name] = fmean(values)
        if len(values) > 1:
            figures[f"{name}/std"] = stdev(values)
    return figures


def _layers(record: Record, store: Store) -> Layers:
    match record.kind:
        case StageKind.MPD:
            for one in record.details.get("layers", ()):
                yield "similarity/mpd_by_layer", int(one["layer"]), float(one["mpd"])
        case StageKind.REPRESENTATIONS:
            yield from _representations(_result(record, store))
        case StageKind.CROSSLINGUAL:
            yield from _crosslingual(_result(record, store))


def _representations(result: Mapping[str, Any]) -> Layers:
    """Layer 0 is what the first decoder layer gets."""
    for one in result.get("by_layer", ()):
        for label, value in zip(result["labels"], one["variance"], strict=False):
            yield f"representations/variance_{str(label).lower()}", one["layer"], value
        difference = one["difference"] or {}
        names = {"norm": "layer_difference", "low": "layer_difference/low", "high": "layer_difference/high",
                 "relative": "layer_difference_relative", "drift": "layer_drift"}  # fmt: skip
        for field, name in names.items():
            if difference.get(field) is not None:
                yield f"representations/{name}", one["layer"], difference[field]


def _crosslingual(result: Mapping[str, Any]) -> Layers:
    for layer, value in enumerate(result.get("mean", ())):
        yield "crosslinguality/layer_alignment", layer, value
    languages: Mapping[str, Any] = result.get("by_language", {})
    for language, layers in languages.items():
        for one in layers:
            yield f"crosslinguality/layer_alignment/{language}", one["layer"], one["difference"]


def _result(record: Record, store: Store) -> Mapping[str, Any]:
    """What the stage wrote; nothing where its file is gone from the store."""
    if RESULT not in record.outputs:
        return {}
    try:
        found: Mapping[str, Any] = json.loads(store.output(record, RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
