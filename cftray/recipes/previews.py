"""What the models of an experiment will see of each phase's data, before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from cftray.data.preview import LOOK, DataPreview, Looked, Viewer, drawn, rows_for_preview
from cftray.errors import CFTRayError, Fault, SpecRefused
from cftray.mini import datasets
from cftray.spec import DataSpec, ExperimentSpec, MiniData, ModelRef, Template, TextTemplate, TranslatedData
from cftray.spec.base import SpecModel
from cftray.store.hub import fetch
from cftray.store.leaves import TOKENIZER_FILES, locate_model, on_hub

SHOWN = 3


class PhasePreview(SpecModel):
    """One phase's data, through its template and the tokenizer that both phases use."""

    phase: Literal[1, 2]
    data: Annotated[str, Field(description="the set's name, or the files' path")]
    template: Annotated[str, Field(description="chat, alpaca, or text where the spec gives one")]
    model: Annotated[str, Field(description="whose tokenizer")]
    seen: DataPreview


class _Phase(NamedTuple):
    number: Literal[1, 2]
    path: str
    data: DataSpec
    template: Template
    max_length: int


def previews(spec: ExperimentSpec, shown: int = SHOWN) -> tuple[PhasePreview, ...]:
    """A preview of each phase that is trained. Raises SpecRefused where a row or a tokenizer can't be used."""
    model = spec.phase1.adopt or spec.base
    found, faults = [], []
    for phase in _phases(spec):
        try:
            found.append(_preview(phase, model, shown))
        except (CFTRayError, OSError) as error:
            expected = error.message if isinstance(error, CFTRayError) else str(error)
            faults.append(Fault(path=phase.path, given=_name(phase.data), expected=expected))
    if faults:
        raise SpecRefused(faults)
    return tuple(found)


def _phases(spec: ExperimentSpec) -> list[_Phase]:
    first, second = spec.phase1.train, spec.phase2
    template = second.template if second.template is not None else spec.template
    phases = [_Phase(2, "phase2.data", second.data, template, second.hyperparameters.max_length)]
    if first is not None:
        length = first.hyperparameters.max_length
        phases.insert(0, _Phase(1, "phase1.train.data", first.data, spec.template, length))
    return phases


def _preview(phase: _Phase, model: ModelRef, shown: int) -> PhasePreview:
    folder = fetch(model.model, model.revision, TOKENIZER_FILES) if on_hub(model.model) else locate_model(model.model)
    viewer = Viewer(phase.template, folder)
    return PhasePreview(
        phase=phase.number,
        data=_name(phase.data),
        template="text" if isinstance(phase.template, TextTemplate) else phase.template,
        model=model.model,
        seen=viewer.preview(_looked(phase.data), max_length=phase.max_length, shown=shown),
    )


def _looked(data: DataSpec) -> Looked:
    """Rows of the miniature's sets are drawn one by one, so the first ones are as good as any.

    Translations are not there yet: shown is what they will be made from.
    """
    if isinstance(data, TranslatedData):
        return _looked(data.translate)
    if not isinstance(data, MiniData):
        return rows_for_preview(data, LOOK)
    rows = datasets.rows(data.mini.value, samples=min(data.samples, LOOK), seed=data.sample_seed)
    if len(rows) == data.samples:
        return drawn(rows, LOOK)
    return Looked(rows=rows, out_of=data.samples, choice="first")


def _name(data: DataSpec) -> str:
    if isinstance(data, TranslatedData):
        return f"{data.translate.source}, before it is translated into {', '.join(data.into)}"
    return data.source
