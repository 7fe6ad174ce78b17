"""The stage that sets a model's activations on parallel sentences side by side. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cftray.analysis.activations import passed, shape_of, tokenised
from cftray.analysis.crosslingual import Crosslingual, figures_of, headline
from cftray.analysis.figures.languages import alignment_curves, language_maps
from cftray.analysis.parallel import read_sentences
from cftray.data.rows import Row
from cftray.plan.analysis_stages import CrosslingualConfig
from cftray.stage import Artifact, StageContext
from cftray.store.atomic import write_atomic


def run(config: CrosslingualConfig, inputs: Mapping[str, Path], context: StageContext) -> Artifact:
    """Inputs: `model`, `tokenizer`, and `sentences`, a folder in FLORES' layout, where they are files.

    Outputs: `result`, JSON (`crosslingual.Crosslingual`), and `figures`, a folder of PNG and SVG. The vectors
    themselves are not kept: a dozen languages through a large model are gigabytes. Raises ModelError where model
    and tokenizer don't fit, DataError where the sentences can't be used, Cancelled once asked to stop.
    """
    context.raise_if_stopped()
    shape = shape_of(inputs["model"])
    texts = read_sentences(config.sentences, inputs.get("sentences"))
    rows = [
        Row(id=f"{language}-{place}", instruction=text, output="", language=language)
        for language, of in texts.items()
        for place, text in enumerate(of)
    ]
    prompts = tokenised(rows, config.forward, inputs["tokenizer"], shape.context)
    found = passed(inputs["model"], prompts, config.forward, shape, context, "model")
    size = len(rows) // len(texts)
    vectors = {one: found.vectors[place * size : (place + 1) * size] for place, one in enumerate(texts)}
    result = figures_of(
        vectors,
        config.label,
        config.layer,
        config.tsne,
        tokens=sum(len(one.tokens) for one in prompts),
        cut=sum(one.cut for one in prompts),
    )
    (context.folder / "passes.model.npy").unlink()
    path = context.folder / "crosslingual.json"
    write_atomic(path, result.model_dump_json(indent=1))
    return Artifact(
        outputs={"result": path, "figures": draw(result, context.folder / "figures")},
        metrics={**headline(result), "seconds_model": found.seconds},
        details={"model": str(shape), "forward": config.forward.model_dump(mode="json")},
    )


def draw(result: Crosslingual, folder: Path) -> Path:
    """The paper's Figure D3 for this model, and the alignment by layer; gives the folder."""
    language_maps([result], folder)
    alignment_curves([result], folder)
    return folder
