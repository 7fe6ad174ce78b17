"""A bundle: one JSON document with all that says what an experiment was, what it was made of and what came out.

    {"schema": 1, "experiment": "exp_…", "spec": {…}, "places": [Place…], "stages": [Stage…], "made_with": [Maker…],
     "scores": [ScoreRow…], "analyses": [Analysis…], "complete": true, …}

One file of JSON rather than an archive: it has no big parts, it can be read, compared and kept under version control
as it is, and a report carries it in a link. Specs and configs of stages stay plain JSON here, since a bundle may have
been written by another version, whose fields this one need not know.

Paths of the machine that wrote it are not in it: a local path is a variable, `${ALPACA_DATA}`, and a `Place` says
what has to lie there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA: Literal[1] = 1

Json = dict[str, Any]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Place(_Part):
    """A local file, pattern or folder that the spec names by a variable; `name` is the end of its path there."""

    variable: str
    name: str
    fields: tuple[str, ...]
    digest: Annotated[str | None, Field(description="of the content; null where it is not hashed")] = None


class Input(_Part):
    """What a stage reads: another `stage` of the bundle, or the leaf at `location` (a variable, URL, or hub id).

    `digest` is the other stage's fingerprint, a sha256 of content, or a commit of the hub.
    """

    digest: str | None
    stage: str | None = None
    location: str | None = None


class Recorded(_Part):
    """What a stage left: figures, sha256 of each output, how it was executed, and by which of `made_with` (its place).

    `by` is the experiment that ran it, which need not be the bundle's own.
    """

    by: str
    finished_at: str
    seconds: float
    metrics: dict[str, float]
    outputs: dict[str, str]
    execution: Json
    made_with: int


class Stage(_Part):
    """A stage of the plan: `config`, `code_version` and the inputs' digests make its fingerprint.

    `code_version` is null where an earlier code than the bundle's writer planned it: plans don't keep the number.
    """

    name: str
    title: str
    kind: str
    code_version: int | None
    config: Json
    inputs: dict[str, Input]
    fingerprint: str | None
    recorded: Recorded | None = None


class Maker(_Part):
    """Versions (`cftray`, `python`, packages) and hardware of a host that made records; its name is left out."""

    versions: dict[str, str]
    system: str | None = None
    processor: str | None = None
    cores: int | None = None
    memory: Annotated[int | None, Field(description="bytes")] = None


class Figure(_Part):
    """A mean over `n` items, 0 to 1."""

    score: float
    stderr: float | None
    n: int


class Change(_Part):
    """P2 minus P1 with its 95 % interval, and the verdict: rises, falls or noise."""

    difference: float
    low: float
    high: float
    p_adjusted: float
    verdict: str


class ScoreRow(_Part):
    """A named score of both models, as `GET …/results` tells it; over all complete replicas."""

    key: str
    metric: str | None
    p1: Figure | None
    p2: Figure | None
    change: Change | None


class Measure(_Part):
    """A figure of an analysis; null for an end of an interval that it does not have."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


class Analysis(_Part):
    """What became of an analysis: `found`, or `reason` says why there are no measures."""

    kind: str
    title: str
    seed: int | None
    state: str
    reason: str | None
    measures: tuple[Measure, ...]


class Bundle(_Part):
    """See the module. `made_at` is when the last record was finished; `results` and `made_with` are empty for what is
    only planned. `service` are the versions where the control plane runs."""

    schema_: Annotated[Literal[1], Field(alias="schema")] = SCHEMA
    experiment: str | None
    name: str
    made_at: str | None
    complete: bool
    seeds: tuple[int, ...]
    spec: Json
    places: tuple[Place, ...]
    stages: tuple[Stage, ...]
    service: dict[str, str]
    made_with: tuple[Maker, ...] = ()
    scores: tuple[ScoreRow, ...] = ()
    analyses: tuple[Analysis, ...] = ()

    def text(self) -> str:
        """The file's text."""
        return self.model_dump_json(by_alias=True, indent=1) + "\n"
