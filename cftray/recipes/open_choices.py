"""What the paper leaves open, as fields that its recipes take: every one of these values is *not in the paper*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from cftray.spec.base import SpecModel
from cftray.spec.data import Alignment
from cftray.spec.evaluation import JudgeSpec
from cftray.spec.experiment import Seed
from cftray.spec.hyperparameters import Precision
from cftray.spec.mitigation import Decoding, Ratio
from cftray.spec.model import ModelRef
from cftray.spec.template import Template
from cftray.spec.translation import Seq2SeqTranslator, TranslationGate, Translator

MARK = "not in the paper: "
NLLB = Seq2SeqTranslator(
    family="nllb", model=ModelRef(model="facebook/nllb-200-3.3B"), precision=Precision.BF16, batch_size=64
)


class OpenChoices(SpecModel):
    """Settings of an experiment that the paper does not tell, with what is taken here."""

    mistral_instruct: Annotated[ModelRef, Field(description=MARK + "which version of Mistral-7B-Instruct")] = ModelRef(
        model="mistralai/Mistral-7B-Instruct-v0.1"
    )
    llama_instruct: Annotated[ModelRef, Field(description=MARK + "which version of Llama-3-8B-Instruct")] = ModelRef(
        model="meta-llama/Meta-Llama-3-8B-Instruct"
    )
    seeds: Annotated[
        tuple[Seed, ...], Field(min_length=1, max_length=64, description=MARK + "how many runs a figure is over")
    ] = (17,)
    max_length: Annotated[int, Field(ge=8, le=1_000_000, description=MARK + "tokens kept of a sample")] = 2048
    max_grad_norm: Annotated[
        float | None, Field(gt=0, description=MARK + "whether gradients are clipped, and to which norm")
    ] = 1.0
    batch_unit: Annotated[
        Literal["samples", "packs"],
        Field(description=MARK + "whether a batch is 16 samples, or 16 packs of the maximum length"),
    ] = "samples"
    template: Annotated[
        Template | None,
        Field(description=MARK + "how rows become text; null: alpaca for a trained P1, the model's own for Instruct"),
    ] = None
    openorca_samples: Annotated[
        int | None, Field(ge=1, description=MARK + "how much of OpenOrca phase 1 takes; null: all of it")
    ] = 50_000
    openorca_seed: Annotated[
        int, Field(ge=0, description=MARK + "which of its samples phase 1 takes; the same are translated")
    ] = 0
    translator: Annotated[Translator, Field(description=MARK + "by what OpenOrca is translated")] = NLLB
    translation_gate: Annotated[
        TranslationGate, Field(description=MARK + "what a translation has to pass to be kept")
    ] = TranslationGate()
    alpaca_alignment: Annotated[
        Literal[Alignment.NONE],
        Field(description=MARK + "how replay pairs MultiAlpaca's rows with Alpaca's; its rows are no translations"),
    ] = Alignment.NONE
    er_ratio: Annotated[
        Ratio, Field(description=MARK + "ER_10's share of |D2|: 0.1 by its name, 0.05 by Table D1's caption")
    ] = 0.1
    decoding: Annotated[Decoding, Field(description=MARK + "how P1 answers in generative replay")] = Decoding()
    lora_alpha: Annotated[float, Field(gt=0, description=MARK + "LoRA's scaling beside its rank of 64")] = 128.0
    ifeval_score: Annotated[
        Literal["prompt_level_strict_acc"],
        Field(description=MARK + "which of IFEval's four scores is printed; the task pack keeps all four"),
    ] = "prompt_level_strict_acc"
    judge: Annotated[
        JudgeSpec | None,
        Field(
            description=MARK + "how AlpacaEval's judge (gpt-4-32k) was asked; null: no AlpacaEval, so no mean of "
            "task ability"
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenChoice:
    """A setting that the paper leaves open: what is open about it, and the value taken (as in a document)."""

    name: str
    about: str
    value: Any


def open_choices(chosen: OpenChoices | None = None) -> tuple[OpenChoice, ...]:
    """Every open choice with the value that it has in `chosen`, its default otherwise."""
    values = (chosen or OpenChoices()).model_dump(mode="json")
    return tuple(
        OpenChoice(name=name, about=(field.description or "").removeprefix(MARK), value=values[name])
        for name, field in OpenChoices.model_fields.items()
    )
