"""Strategies against forgetting in phase 2 (paper, section 5), one discriminated union.

What the paper leaves open has a field of its own, marked *not in the paper*.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cftray.spec.base import SpecModel

PAPER_LAYERS = 32
"""Decoder layers of the paper's models, of which it freezes ten."""
PAPER_FROZEN = 10

Ratio = Annotated[float, Field(gt=0, le=1, description="a share of the new data: 0.1 adds 10 % of |D2|")]
FrozenLayers = Annotated[
    int | None, Field(ge=1, description="layers; null: ten of 32 as in the paper, in proportion, at least one")
]


class Decoding(SpecModel):
    """How the P1 model answers. All of it is identity, the batch too: padding can move a token.

    `temperature` 0 takes the likeliest token. Where it samples, each row draws from a source of its own,
    seeded with the row's id. `max_new_tokens` is the most of an answer's tokens; a prompt that leaves less
    of the model's context gets what it leaves. `vllm` answers on GPUs alone and promises no equal bits from
    run to run; there `batch_size` is how many rows are handed over together. None of these values is in the paper.
    """

    engine: Literal["transformers", "vllm"] = "transformers"
    temperature: Annotated[float, Field(ge=0, le=10)] = 0.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_new_tokens: Annotated[
        int | None, Field(ge=1, le=1_000_000, description="null: phase 2's max_length, since no more is trained on")
    ] = None
    batch_size: Annotated[int, Field(ge=1, le=4096, description="rows that are answered together")] = 32


class Replay(SpecModel):
    """English samples added to phase 2's data, which stay whole; counted before packing.

    `surplus` is drawn beyond what is needed, as a share of it, to stand in for rows that turn out
    unusable. Where even that is not enough, `shortfall` refuses or accepts fewer, and the record says
    so. `max_overlap` refuses replay of which a larger share is in phase 1's data word for word.
    """

    ratio: Ratio
    surplus: Annotated[float, Field(ge=0, le=10, description="not in the paper")] = 0.1
    shortfall: Literal["refuse", "accept"] = "refuse"
    max_overlap: Annotated[float | None, Field(ge=0, le=1, description="null: measured and reported only")] = None


class GenerativeReplay(Replay):
    """GR_p: the P1 model's own answers to the English counterparts of phase 2's instructions."""

    kind: Literal["generative_replay"] = "generative_replay"
    decoding: Decoding = Decoding()


class EnglishReplay(Replay):
    """ER_p, the baseline: the same counterparts with their original responses."""

    kind: Literal["english_replay"] = "english_replay"


class RandomFreezing(SpecModel):
    """LF_H1: `k` decoder layers drawn by the replica's seed, all their parameters frozen."""

    kind: Literal["lf_h1"] = "lf_h1"
    k: FrozenLayers = None


class ChangeFreezing(SpecModel):
    """LF_H2: for each attention head of q, k and v, its weights in the `k` layers where phase 1 changed them most."""

    kind: Literal["lf_h2"] = "lf_h2"
    k: FrozenLayers = None


class LowRank(SpecModel):
    """LoRA, the baseline: only low-rank updates of `targets` are trained, and merged at the end.

    The rank is the paper's; `alpha`, `targets` and a learning rate of its own are not in the paper.
    """

    kind: Literal["lora"] = "lora"
    rank: Annotated[int, Field(ge=1, le=4096)] = 64
    alpha: Annotated[float, Field(gt=0, description="an update is scaled by alpha / rank")] = 128.0
    targets: Annotated[tuple[str, ...], Field(min_length=1, max_length=64, description="names of linear modules")] = (
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    )  # fmt: skip
    learning_rate: Annotated[float | None, Field(gt=0, le=1, description="null: phase 2's")] = None


class NoMitigation(SpecModel):
    """Plain phase 2."""

    kind: Literal["none"] = "none"


Part = Annotated[
    GenerativeReplay | EnglishReplay | RandomFreezing | ChangeFreezing | LowRank, Field(discriminator="kind")
]


class Combined(SpecModel):
    """Replay together with a restriction of what is trained."""

    kind: Literal["combined"] = "combined"
    parts: tuple[Part, ...]

    @model_validator(mode="after")
    def _one_of_each(self) -> Combined:
        if len(self.parts) != 2 or sum(isinstance(part, Replay) for part in self.parts) != 1:
            raise ValueError("one replay (generative_replay, english_replay) and one of lf_h1, lf_h2, lora")
        return self


Mitigation = Annotated[
    NoMitigation | GenerativeReplay | EnglishReplay | RandomFreezing | ChangeFreezing | LowRank | Combined,
    Field(discriminator="kind"),
]


def parts_of(mitigation: SpecModel) -> tuple[SpecModel, ...]:
    """What a mitigation is made of, replay first; nothing for a plain phase 2."""
    if isinstance(mitigation, NoMitigation):
        return ()
    if isinstance(mitigation, Combined):
        return tuple(sorted(mitigation.parts, key=lambda part: not isinstance(part, Replay)))
    return (mitigation,)


def label_of(mitigation: SpecModel) -> str:
    """The paper's name: `GR_10`, `LF_H2`, `GR_10 + LF_H2`; `none` for a plain phase 2."""
    return " + ".join(_label(part) for part in parts_of(mitigation)) or "none"


def frozen_layers(k: int | None, layers: int) -> int:
    """`k`, or the paper's ten of 32 in proportion to `layers`, at least one."""
    return k if k is not None else max(1, round(PAPER_FROZEN / PAPER_LAYERS * layers))


def _label(part: SpecModel) -> str:
    match part:
        case GenerativeReplay():
            return f"GR_{part.ratio * 100:g}"
        case EnglishReplay():
            return f"ER_{part.ratio * 100:g}"
        case RandomFreezing() | ChangeFreezing():
            name = "LF_H1" if isinstance(part, RandomFreezing) else "LF_H2"
            return name if part.k is None else f"{name} (k={part.k})"
        case LowRank():
            return f"LoRA{_settings(part)}"
    raise TypeError(f"no name for {type(part).__name__}")


def _settings(part: LowRank) -> str:
    """` (rank 8, learning_rate 0.001)`: what is not as by default."""
    chosen = {name: value for name, value in part if value != type(part).model_fields[name].default}
    told = [f"{name} {'+'.join(one) if isinstance(one, tuple) else f'{one:g}'}" for name, one in chosen.items()]
    return f" ({', '.join(told)})" if told else ""
