"""Which row of the paper's tables an experiment is, told from its spec: for setting figures side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cftray.data.published import PaperKey
from cftray.recipes.paper import ALPACA, BASES, MULTIALPACA, OPENORCA, PaperModel, Strategy
from cftray.spec import (
    ChangeFreezing,
    DataSpec,
    EnglishReplay,
    ExperimentSpec,
    GenerativeReplay,
    HubData,
    LowRank,
    MiniData,
    Mitigation,
    NoMitigation,
    RandomFreezing,
    TranslatedData,
)
from cftray.spec.data import MiniDataset

HUB_NAMES: Final = {ALPACA.name: "alpaca", OPENORCA.name: "openorca", MULTIALPACA.name: "multialpaca"}
MINI_NAMES: Final = {
    MiniDataset.ALPACA: "alpaca",
    MiniDataset.OPENORCA: "openorca",
    MiniDataset.INSTRUCT: "instruct",
    MiniDataset.MULTIALPACA: "multialpaca",
    MiniDataset.MULTI_OPENORCA: "mopenorca",
}
INSTRUCT: Final = ("mistral-7b-instruct", "llama-3-8b-instruct")
"""In the names of the models that the paper adopts, of whatever version and at whatever place."""
REPLAYS: Final = {0.05: Strategy.GR_5, 0.1: Strategy.GR_10}
STRATEGIES: Final[Mapping[type, Strategy]] = {
    NoMitigation: Strategy.NONE,
    EnglishReplay: Strategy.ER_10,
    RandomFreezing: Strategy.LF_H1,
    ChangeFreezing: Strategy.LF_H2,
    LowRank: Strategy.LORA,
}


def paper_key(spec: ExperimentSpec) -> PaperKey | None:
    """The row that an experiment repeats at whatever scale; null where the paper has nothing of the kind.

    Data count by where they come from and not by how many rows are drawn; English replay counts as ER_10 at any
    share, since the paper names two. An adopted P1 counts where its name is that of a Mistral-7B-Instruct or
    Llama-3-8B-Instruct. A base model that is not the paper's leaves the key without a model.
    """
    phase1 = _first(spec)
    phase2, strategy = _name(spec.phase2.data), _strategy(spec.phase2.mitigation)
    if phase1 is None or phase2 is None or strategy is None:
        return None
    return PaperKey(model=_model(spec), phase1=phase1, phase2=phase2, strategy=strategy.value)


def _first(spec: ExperimentSpec) -> str | None:
    """What phase 1 was; of an adopted P1 its name alone can tell, so only the paper's two Instruct models count."""
    if spec.phase1.train is not None:
        return _name(spec.phase1.train.data)
    adopted = spec.phase1.adopt.model.rstrip("/").rpartition("/")[2].lower() if spec.phase1.adopt is not None else ""
    return "instruct" if any(name in adopted for name in INSTRUCT) else None


def _model(spec: ExperimentSpec) -> PaperModel | None:
    return next((name for name, base in BASES.items() if base.model == spec.base.model), None)


def _name(data: DataSpec) -> str | None:
    match data:
        case MiniData():
            return MINI_NAMES[data.mini]
        case HubData():
            return HUB_NAMES.get(data.hub.name)
        case TranslatedData():
            return "mopenorca" if _name(data.translate) == "openorca" else None
        case _:
            return None


def _strategy(mitigation: Mitigation) -> Strategy | None:
    if isinstance(mitigation, GenerativeReplay):
        return REPLAYS.get(mitigation.ratio)
    return STRATEGIES.get(type(mitigation))
