"""What the models of an experiment will see of each phase's data, before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from cftray.data.looking import LOOK, Looked, Means, Unseen, drawn, recorded_rows, rows_for_preview
from cftray.data.preview import DataPreview, Viewer
from cftray.errors import CFTRayError, Fault, SpecRefused
from cftray.mini import datasets
from cftray.spec import DataSpec, ExperimentSpec, MiniData, ModelRef, Template, TextTemplate, TranslatedData
from cftray.spec.base import SpecModel
from cftray.store.hub import fetch
from cftray.store.leaves import TOKENIZER_FILES, locate_model, on_hub

SHOWN = 3

CURE = (
    "cftray preview shows it where cftray[worker] is installed; a preview shows what was read as soon as an "
    "experiment has read it"
)

Phase = Literal[1, 2]


class PhasePreview(SpecModel):
    """One phase's data, through its template and the tokenizer that both phases use.

    `seen` is null where the data can't be read here, and `unseen` says why and what shows them.
    """

    phase: Phase
    data: Annotated[str, Field(description="the set's name, or the files' path")]
    template: Annotated[str, Field(description="chat, alpaca, or text where the spec gives one")]
    model: Annotated[str, Field(description="whose tokenizer")]
    seen: DataPreview | None
    unseen: str | None = None
    recorded_by: Annotated[
        str | None, Field(description="the experiment that read or translated the rows; null: read for the preview")
    ] = None


class Recorded(NamedTuple):
    """Rows of a phase that a stage has written: in the folder `rows`, by `experiment`."""

    rows: Path
    experiment: str
    empty: int = 0


def _nothing(_phase: Phase) -> None:
    return None


class _Phase(NamedTuple):
    number: Phase
    path: str
    data: DataSpec
    template: Template
    max_length: int


def previews(
    spec: ExperimentSpec,
    means: Means,
    shown: int = SHOWN,
    *,
    recorded: Callable[[Phase], Recorded | None] = _nothing,
    phases: Collection[Phase] = (1, 2),
) -> tuple[PhasePreview, ...]:
    """A preview of each of `phases` that is trained, from the rows that are `recorded` of it or else from its data.

    Raises SpecRefused where a row or a tokenizer can't be used.
    """
    model = spec.phase1.adopt or spec.base
    found, faults = [], []
    for phase in [one for one in _phases(spec) if one.number in phases]:
        try:
            found.append(_preview(phase, model, means, shown, recorded(phase.number)))
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


def _preview(phase: _Phase, model: ModelRef, means: Means, shown: int, recorded: Recorded | None) -> PhasePreview:
    folder = fetch(model.model, model.revision, TOKENIZER_FILES) if on_hub(model.model) else locate_model(model.model)
    viewer = Viewer(phase.template, folder)
    unseen = seen = None
    try:
        looked = _looked(phase.data, means, recorded)
        seen = viewer.preview(looked, max_length=phase.max_length, shown=shown)
    except Unseen as why:
        unseen = f"{why}; {CURE}"
    return PhasePreview(
        phase=phase.number,
        data=_name(phase.data) if recorded is None else phase.data.source,
        template="text" if isinstance(phase.template, TextTemplate) else phase.template,
        model=model.model,
        seen=seen,
        unseen=unseen,
        recorded_by=None if recorded is None else recorded.experiment,
    )


def _looked(data: DataSpec, means: Means, recorded: Recorded | None) -> Looked:
    """Rows of the miniature's sets are drawn one by one, so the first ones are as good as any.

    Of translations that are not there yet is shown what they will be made from.
    """
    if recorded is not None:
        return recorded_rows(recorded.rows, LOOK, empty=recorded.empty)
    if isinstance(data, TranslatedData):
        return _looked(data.translate, means, None)
    if not isinstance(data, MiniData):
        return rows_for_preview(data, LOOK, means)
    rows = datasets.rows(data.mini.value, samples=min(data.samples, LOOK), seed=data.sample_seed)
    if len(rows) == data.samples:
        return drawn(rows, LOOK)
    return Looked(rows=rows, out_of=data.samples, choice="first")


def _name(data: DataSpec) -> str:
    if isinstance(data, TranslatedData):
        return f"{data.translate.source}, before it is translated into {', '.join(data.into)}"
    return data.source
