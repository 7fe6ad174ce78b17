"""What the P1 and P2 models are scored on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from cftray.errors import nearest
from cftray.spec.base import SpecModel
from cftray.spec.data import Location
from cftray.spec.endpoint import EndpointModel
from cftray.spec.judging import PROMPT_DIGESTS
from cftray.spec.translation import LanguageCode


class Suite(StrEnum):
    """Task ability and language ability (paper, section 3)."""

    TA = "ta"
    LA = "la"


class TaskPack(StrEnum):
    """A set of lm-evaluation-harness tasks for both suites."""

    MINI = "mini"
    PAPER = "paper"


class Benchmark(StrEnum):
    """The paper's seven (section 3.2): the first four are task ability, the others language ability."""

    IFEVAL = "ifeval"
    ALPACA_EVAL = "alpaca_eval"
    MMLU = "mmlu"
    HELLASWAG = "hellaswag"
    MLQA = "mlqa"
    XQUAD = "xquad"
    XLSUM = "xlsum"


class BenchmarkFiles(SpecModel):
    """Where the benchmarks of the pack `paper` lie, in the formats they are published in; null: the hub's set at
    the revision that the pack pins."""

    ifeval: Location | None = None
    alpaca_eval: Location | None = None
    mmlu: Location | None = None
    hellaswag: Location | None = None
    mlqa: Location | None = None
    xquad: Location | None = None
    xlsum: Location | None = None

    def of(self, benchmark: str) -> str | None:
        """The location given for a benchmark."""
        location: str | None = getattr(self, benchmark)
        return location


def _known_prompt(name: str) -> str:
    if name not in PROMPT_DIGESTS:
        raise ValueError(f"a prompt's name and version: {nearest(name, PROMPT_DIGESTS)}")
    return name


class JudgeSpec(EndpointModel):
    """Who compares a model's answers to AlpacaEval with the reference's, and how it is asked."""

    prompt: Annotated[str, AfterValidator(_known_prompt), Field(description="a prompt's name and version")] = (
        "pairwise-1"
    )
    max_tokens: Annotated[int, Field(ge=1, le=4096, description="of a judgement")] = 64


ScoreName = Annotated[str, Field(pattern=r"^(paper/)?(ta|la)(/[a-z0-9_-]+){0,2}$", max_length=64)]
"""As in the results: `ta`, `ta/mmlu`, `la/xquad/de`."""


class Condition(SpecModel):
    """A bound on one of P1's scores, 0 to 1, named as in the results: `ta`, `ta/mmlu`, `la/xquad/de`."""

    score: ScoreName
    at_least: Annotated[float | None, Field(ge=0, le=1)] = None
    at_most: Annotated[float | None, Field(ge=0, le=1)] = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least {self.at_least} is above at_most {self.at_most}: no score is both")
        return self


class EvaluationSpec(SpecModel):
    """Suites, tasks and the batch they are computed in (batch and padding can move a score)."""

    suites: Annotated[tuple[Suite, ...], Field(min_length=1)] = (Suite.TA, Suite.LA)
    pack: TaskPack = TaskPack.MINI
    benchmarks: Annotated[
        tuple[Benchmark, ...] | None, Field(min_length=1, description="null: all of the suites'")
    ] = None
    languages: Annotated[
        tuple[LanguageCode, ...] | None,
        Field(min_length=1, description="of language ability; null: all that the pack has"),
    ] = None
    data: Annotated[BenchmarkFiles, Field(description="files of the pack `paper`")] = BenchmarkFiles()
    batch_size: Annotated[
        int, Field(ge=1, le=4096, description="sequences of 512 tokens; fewer longer ones, up to 4 times as many short")
    ] = 32
    limit: Annotated[int | None, Field(ge=1, description="items per task; null: all")] = None
    judge: Annotated[JudgeSpec | None, Field(description="null: AlpacaEval and the mean of TA stay absent")] = None
    noise_floor: Annotated[
        bool, Field(description="score P1 again in batches of an eighth of the size: what execution alone moves")
    ] = False
    contamination: Annotated[bool, Field(description="look for the items in each phase's data before training")] = True

    @field_validator("suites")
    @classmethod
    def _in_order_once(cls, value: tuple[Suite, ...]) -> tuple[Suite, ...]:
        return tuple(suite for suite in Suite if suite in value)

    @field_validator("benchmarks")
    @classmethod
    def _benchmarks_once(cls, value: tuple[Benchmark, ...] | None) -> tuple[Benchmark, ...] | None:
        return None if value is None else tuple(one for one in Benchmark if one in value)

    @field_validator("languages")
    @classmethod
    def _languages_once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(sorted(set(value)))
