"""The paper's experiments at full scale: its models and data sets by their hub ids, its settings from Table B1.

    phase 1     alpaca, openorca: trained here;  instruct: adopted, whose data nobody has
    phase 2     multialpaca;  mopenorca: 50,000 rows of OpenOrca translated into MultiAlpaca's languages
    strategy    none, LF_H1, LF_H2, GR_5, GR_10, LoRA, ER_10

What the paper does not tell is in `cftray.recipes.open_choices`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from cftray.recipes.open_choices import OpenChoices
from cftray.spec import (
    Adapter,
    ChangeFreezing,
    DataSpec,
    EnglishHubSet,
    EnglishReplay,
    EvaluationSpec,
    ExecutionSpec,
    ExperimentSpec,
    GenerativeReplay,
    HubData,
    HubSet,
    Hyperparameters,
    LowRank,
    Mitigation,
    ModelRef,
    NoMitigation,
    Phase1,
    Phase2,
    Precision,
    RandomFreezing,
    Suite,
    TaskPack,
    TrainedPhase,
    TranslatedData,
)
from cftray.spec.experiment import Name
from cftray.spec.rows import Languages

LANGUAGES: Final = ("fr", "ar", "de", "es", "id", "ja", "ko", "pt", "ru", "th", "vi")
"""MultiAlpaca's, in the paper's order (appendix B.2)."""
MOPENORCA_SAMPLES: Final = 50_000
LORA_RANK: Final = 64
ALPACA: Final = HubSet(name="tatsu-lab/alpaca")
MULTIALPACA: Final = HubSet(name="DAMO-NLP-MT/multialpaca")
OPENORCA: Final = HubSet(name="Open-Orca/OpenOrca")


class PaperModel(StrEnum):
    """The base models."""

    MISTRAL = "mistral-7b"
    LLAMA = "llama-3-8b"


class PaperPhase1(StrEnum):
    """Phase 1's data; `instruct` is the maker's own instruct model."""

    ALPACA = "alpaca"
    OPENORCA = "openorca"
    INSTRUCT = "instruct"


class PaperPhase2(StrEnum):
    """Phase 2's data."""

    MULTIALPACA = "multialpaca"
    MOPENORCA = "mopenorca"


class Strategy(StrEnum):
    """The rows of Table D1."""

    NONE = "none"
    LF_H1 = "LF_H1"
    LF_H2 = "LF_H2"
    GR_5 = "GR_5"
    GR_10 = "GR_10"
    LORA = "LoRA"
    ER_10 = "ER_10"


BASES: Final = {
    PaperModel.MISTRAL: ModelRef(model="mistralai/Mistral-7B-v0.1"),
    PaperModel.LLAMA: ModelRef(model="meta-llama/Meta-Llama-3-8B"),
}
EXECUTION: Final = ExecutionSpec(accelerator="GPU", activation_checkpointing=True)
"""Seven billion weights are trained on GPUs; how many, and the ZeRO stage, the plan chooses."""


class PaperRecipe(OpenChoices):
    """An experiment of the paper at full scale; what the paper leaves open is a field marked *not in the paper*."""

    recipe: Literal["paper"] = "paper"
    base_model: PaperModel
    phase1: PaperPhase1
    phase2: PaperPhase2
    strategy: Annotated[Strategy, Field(description="a row of Table D1")] = Strategy.NONE
    mitigation: Annotated[Mitigation | None, Field(description="another than the paper's, in place of strategy")] = None
    name: Name | None = None
    project: Name = "paper"
    execution: ExecutionSpec = EXECUTION

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.mitigation is not None and self.strategy is not Strategy.NONE:
            raise ValueError("strategy is a row of the paper, mitigation any other: give one of them")
        return self

    def spec(self) -> ExperimentSpec:
        """The whole spec."""
        return ExperimentSpec(
            name=self.name or f"{self.base_model}-{self.phase1}-{self.phase2}-{self.strategy}",
            project=self.project,
            base=BASES[self.base_model],
            template=self.template or ("chat" if self.phase1 is PaperPhase1.INSTRUCT else "alpaca"),
            phase1=self._phase1(),
            phase2=Phase2(
                data=phase2_data(self.phase2, self),
                hyperparameters=table_b1(self),
                mitigation=self.mitigation or mitigation_of(self.strategy, self),
            ),
            evaluation=EvaluationSpec(suites=(Suite.TA, Suite.LA), pack=TaskPack.PAPER, judge=self.judge),
            seeds=self.seeds,
            execution=self.execution,
        )

    def _phase1(self) -> Phase1:
        match self.phase1:
            case PaperPhase1.INSTRUCT:
                instruct = {PaperModel.MISTRAL: self.mistral_instruct, PaperModel.LLAMA: self.llama_instruct}
                return Phase1(adopt=instruct[self.base_model])
            case PaperPhase1.ALPACA:
                data = HubData(hub=ALPACA, adapter=Adapter.ALPACA)
            case PaperPhase1.OPENORCA:
                data = openorca(self.openorca_samples, self)
        return Phase1(train=TrainedPhase(data=data, hyperparameters=table_b1(self)))


def paper(
    model: PaperModel | str,
    phase1: PaperPhase1 | str,
    phase2: PaperPhase2 | str,
    *,
    strategy: Strategy | str = Strategy.NONE,
    choices: OpenChoices | None = None,
) -> ExperimentSpec:
    """A row of the paper's tables as a spec. Raises ValueError for names that are not the paper's."""
    return PaperRecipe(
        **(choices or OpenChoices()).model_dump(),
        base_model=PaperModel(model),
        phase1=PaperPhase1(phase1),
        phase2=PaperPhase2(phase2),
        strategy=Strategy(strategy),
    ).spec()


def table_b1(choices: OpenChoices) -> Hyperparameters:
    """Table B1, and bf16 (appendix B.2), for both phases."""
    return Hyperparameters(
        learning_rate=1e-6,
        epochs=4,
        global_batch=16,
        schedule="cosine",
        warmup_steps=10,
        weight_decay=0.0,
        precision=Precision.BF16,
        max_length=choices.max_length,
        max_grad_norm=choices.max_grad_norm,
        batch_unit=choices.batch_unit,
    )


def openorca(samples: int | None, choices: OpenChoices) -> HubData:
    """`samples` of OpenOrca's rows, or all."""
    return HubData(hub=OPENORCA, adapter=Adapter.OPENORCA, samples=samples, sample_seed=choices.openorca_seed)


def phase2_data(phase2: PaperPhase2, choices: OpenChoices) -> DataSpec:
    """A multilingual set with its English counterpart.

    The hub's MultiAlpaca holds a file a language and no field that tells it, so languages are detected.
    """
    if phase2 is PaperPhase2.MOPENORCA:
        return TranslatedData(
            translate=openorca(MOPENORCA_SAMPLES, choices),
            into=LANGUAGES,
            translator=choices.translator,
            gate=choices.translation_gate,
        )
    return HubData(
        hub=MULTIALPACA,
        adapter=Adapter.MULTIALPACA,
        languages=Languages(by="file", among=LANGUAGES),
        english=EnglishHubSet(hub=ALPACA, adapter=Adapter.ALPACA, alignment=choices.alpaca_alignment),
    )


def mitigation_of(strategy: Strategy, choices: OpenChoices) -> Mitigation:
    """A row of Table D1 as a mitigation; layers are ten of 32 in proportion to the model's."""
    match strategy:
        case Strategy.NONE:
            return NoMitigation()
        case Strategy.LF_H1:
            return RandomFreezing()
        case Strategy.LF_H2:
            return ChangeFreezing()
        case Strategy.GR_5 | Strategy.GR_10:
            return GenerativeReplay(ratio=0.05 if strategy is Strategy.GR_5 else 0.1, decoding=choices.decoding)
        case Strategy.LORA:
            return LowRank(rank=LORA_RANK, alpha=choices.lora_alpha)
        case Strategy.ER_10:
            return EnglishReplay(ratio=choices.er_ratio)
