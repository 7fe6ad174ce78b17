"""The stages that look at data and models beside the scores. All of them are optional: a failure costs only itself.

    rows p1, rows p2, encoder ── DES
    base ── crosslinguality
    base, tokens of phase 2 ── base tuned on phase 2's data alone ─┐
                                                    P1 model ──────┴─ MPD
    P1 model, P2 model, prompts ── representations

MPD's second model is the base tuned on phase 2's data alone, with phase 2's hyperparameters (paper, section 3.1); it is
trained for MPD and by nothing else needed.
"""

from __future__ import annotations

from typing import TypeVar

from cftray.plan.analysis_stages import CrosslingualConfig, DesConfig, MpdConfig, RepresentationsConfig
from cftray.plan.datasets import Datasets
from cftray.plan.leaves import encoder_leaf, model_leaf
from cftray.plan.nodes import Nodes, Source
from cftray.plan.stages import Leaf, LeafInput, LeafKind, StageInput, TrainConfig
from cftray.spec import ExperimentSpec, ModelRef
from cftray.spec.analysis import (
    Analysis,
    CrosslingualAnalysis,
    DesAnalysis,
    FilePrompts,
    MpdAnalysis,
    ParallelFiles,
    PromptFile,
    RepresentationsAnalysis,
    SentenceFolder,
)
from cftray.spec.model import MINI_BASE, MINI_ENCODER

LABSE = "sentence-transformers/LaBSE"
SENTENCE_FILES = ("*.devtest", "*.dev", "*.test", "*.txt")

One = TypeVar("One", bound=DesAnalysis | MpdAnalysis | RepresentationsAnalysis | CrosslingualAnalysis)


class Analyses:
    """Adds the stages that a spec's `analysis` asks for to `nodes`."""

    def __init__(self, nodes: Nodes, datasets: Datasets, spec: ExperimentSpec) -> None:
        self.nodes = nodes
        self.datasets = datasets
        self.spec = spec

    def before(self, tokenizer: LeafInput) -> None:
        """What needs nothing trained. DES is left out where phase 1 is adopted: its data are not known."""
        des, first = self._asked(DesAnalysis), self.spec.phase1.train
        if des is not None and first is not None:
            inputs: dict[str, Source] = {
                "encoder": self.nodes.leaf(encoder_leaf(encoder_of(self.spec, des))),
                "d1": self.datasets.rows(1, first.data),
                "d2": self.datasets.rows(2, self.spec.phase2.data),
            }
            config = DesConfig(samples=des.samples, seed=des.seed, text=des.text)
            self.nodes.add("des", "DES of the phases' data", config, inputs, optional=True)
        across = self._asked(CrosslingualAnalysis)
        if across is not None:
            self._crosslingual(across, tokenizer)

    def after(self, seed: int, first: Source, second: str, tokenizer: LeafInput, tokens: str) -> None:
        """What compares the models of one replica: `first` is P1, `second` P2's training, `tokens` phase 2's data."""
        shown = self._asked(RepresentationsAnalysis)
        if shown is not None:
            self._representations(shown, seed, first, second, tokenizer)
        if self._asked(MpdAnalysis) is not None:
            self._mpd(seed, first, tokens)

    def _representations(
        self, asked: RepresentationsAnalysis, seed: int, first: Source, second: str, tokenizer: LeafInput
    ) -> None:
        inputs: dict[str, Source] = {"first": first, "second": StageInput(stage=second), "tokenizer": tokenizer}
        if isinstance(asked.prompts, PromptFile):
            inputs["prompts"] = self.nodes.leaf(prompts_leaf(asked.prompts))
            prompts = FilePrompts.model_validate(asked.prompts.model_dump(exclude={"path"}))
            config = RepresentationsConfig(prompts=prompts, forward=asked.forward, tsne=asked.tsne)
        else:
            config = RepresentationsConfig(prompts=asked.prompts, forward=asked.forward, tsne=asked.tsne)
        title = self.nodes.title("representations of P1 and P2", seed)
        self.nodes.add(f"representations.s{seed}", title, config, inputs, optional=True)

    def _mpd(self, seed: int, first: Source, tokens: str) -> None:
        phase, template = self.spec.phase2, self.spec.phase2.template or self.spec.template
        config = TrainConfig(phase=2, hyperparameters=phase.hyperparameters, template=template, seed=seed)
        base = self.nodes.leaf(model_leaf(self.spec.base))
        inputs: dict[str, Source] = {"model": base, "data": StageInput(stage=tokens)}
        title = self.nodes.title("for MPD: the base on phase 2's data alone", seed)
        alone = self.nodes.add(f"train.d2.s{seed}", title, config, inputs, optional=True)
        pair: dict[str, Source] = {"first": first, "second": StageInput(stage=alone)}
        title = self.nodes.title("MPD of P1 and the base on phase 2's data", seed)
        self.nodes.add(f"mpd.s{seed}", title, MpdConfig(), pair, optional=True)

    def _crosslingual(self, asked: CrosslingualAnalysis, tokenizer: LeafInput) -> None:
        inputs: dict[str, Source] = {"model": self.nodes.leaf(model_leaf(self.spec.base)), "tokenizer": tokenizer}
        if isinstance(asked.sentences, SentenceFolder):
            inputs["sentences"] = self.nodes.leaf(sentences_leaf(asked.sentences))
            files = ParallelFiles.model_validate(asked.sentences.model_dump(exclude={"path"}))
            config = CrosslingualConfig(sentences=files, forward=asked.forward, tsne=asked.tsne, layer=asked.layer)
        else:
            config = CrosslingualConfig(
                sentences=asked.sentences, forward=asked.forward, tsne=asked.tsne, layer=asked.layer
            )
        self.nodes.add("crosslingual", "languages side by side in the base model", config, inputs, optional=True)

    def _asked(self, kind: type[One]) -> One | None:
        found: list[Analysis] = [one for one in self.spec.analysis if isinstance(one, kind)]
        return found[0] if found else None  # type: ignore[return-value]


def encoder_of(spec: ExperimentSpec, des: DesAnalysis) -> ModelRef:
    """The encoder that DES uses: the one asked for, the miniature's own beside its base, else LaBSE."""
    if des.encoder is not None:
        return des.encoder
    return ModelRef(model=MINI_ENCODER if spec.base.model == MINI_BASE else LABSE)


def prompts_leaf(asked: PromptFile) -> Leaf:
    """A file of prompts."""
    return Leaf(kind=LeafKind.FILES, location=asked.path)


def sentences_leaf(asked: SentenceFolder) -> Leaf:
    """A folder in FLORES' layout: names of files tell their languages, their endings the split."""
    return Leaf(kind=LeafKind.FILES, location=asked.path, named=True, patterns=SENTENCE_FILES)
