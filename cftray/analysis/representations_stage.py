"""The stage that looks at hidden activations: of one model, or of a pair through the same prompts. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cftray.analysis.activations import Passed, Prompt, passed, shared_shape, tokenised
from cftray.analysis.figures.layers import LayerMap, layer_maps
from cftray.analysis.figures.variance import Panel, curve_of, difference_curves
from cftray.analysis.prompts import read_prompts
from cftray.analysis.representations import Representations, figures_of, headline
from cftray.plan.analysis_stages import RepresentationsConfig
from cftray.stage import Artifact, Progress, StageContext
from cftray.store.atomic import write_atomic

MODELS = ("first", "second")


def run(config: RepresentationsConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `first`, `second` (optional), `tokenizer`, and `prompts` where they are a file.

    Outputs: `activations`, an .npz with `ids` of the prompts, how many `tokens` each has, and float32
    [prompts, layers + 1, width] of `first` and `second`; `result`, JSON (`representations.Representations`);
    `figures`, a folder of PNG and SVG. Raises ModelError where models and tokenizer don't fit each other,
    DataError where the prompts can't be used, Cancelled once asked to stop.
    """
    context.raise_if_stopped()
    shape = shared_shape(inputs["first"], inputs.get("second"))
    rows = read_prompts(config.prompts, inputs.get("prompts"))
    prompts = tokenised(rows, config.forward, inputs["tokenizer"], shape.context)
    names = [name for name in MODELS if name in inputs]
    found = {
        name: passed(inputs[name], prompts, config.forward, shape, _part(context, place, len(names)), name)
        for place, name in enumerate(names)
    }
    result = figures_of(
        [found[name].vectors for name in names],
        config.labels[: len(names)],
        config.tsne,
        tokens=sum(len(one.tokens) for one in prompts),
        cut=sum(one.cut for one in prompts),
    )
    activations = context.folder / "activations.npz"
    _keep(activations, found, [row.id for row in rows], prompts)
    path = context.folder / "representations.json"
    write_atomic(path, result.model_dump_json(indent=1))
    return Artifact(
        outputs={"activations": activations, "result": path, "figures": draw(result, context.folder / "figures")},
        metrics={**headline(result), **{f"seconds_{name}": found[name].seconds for name in names}},
        details={"model": str(shape), "forward": config.forward.model_dump(mode="json")},
    )


def draw(result: Representations, folder: Path) -> Path:
    """The paper's Figures 1 and 2 for this model or pair; gives the folder."""
    layer_maps([LayerMap(title="", labels=result.labels, points=result.points)], folder)
    if result.whole is not None:
        label = f"{result.labels[0]} and {result.labels[1]}"
        difference_curves([Panel(title="", curves=(curve_of(result, label),))], folder)
    return folder


def _part(context: StageContext, place: int, parts: int) -> StageContext:
    """The context of pass `place` of so many: its prompts are told as a part of all."""

    def report(one: Progress) -> None:
        context.report(replace(one, step=place * one.total + one.step, total=parts * one.total))

    return replace(context, report=report)


def _keep(path: Path, found: Mapping[str, Passed], ids: list[str], prompts: list[Prompt]) -> None:
    """One file for both models; what the passes left is removed."""
    arrays: dict[str, Any] = {name: one.vectors for name, one in found.items()}
    np.savez(path, ids=np.asarray(ids), tokens=np.asarray([len(one.tokens) for one in prompts]), **arrays)
    for name in found:
        (path.parent / f"passes.{name}.npy").unlink()
