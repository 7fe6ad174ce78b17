"""The recorded file of every item that a model was scored on, and a judge's annotations of it.

    GET /v1/experiments/{id}/items?phase=p2&seed=17                    Parquet, as the evaluation wrote it
    GET /v1/experiments/{id}/items?phase=p2&seed=17&of=annotations     JSON lines, as the judge wrote them
    GET /v1/evaluations/{id}/items                                     of a single model

Columns of items: item, task, suite, benchmark, language, prompt_sha256, output, score (null where an item was not
scored, or is a judge's to score), truncated, unscored (the reason), and one for each further metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse

from api.refusals import BadParameter, Conflict, NotFound
from cftray.errors import Fault
from cftray.plan import Outcome, Plan
from cftray.store import Store


class ItemsOf(StrEnum):
    """Which file: what the model answered, or what a judge said of it."""

    ITEMS = "items"
    ANNOTATIONS = "annotations"


class Phase(StrEnum):
    """Which model of a replica."""

    P1 = "p1"
    P2 = "p2"


MEDIA_TYPES = {ItemsOf.ITEMS: "application/vnd.apache.parquet", ItemsOf.ANNOTATIONS: "application/jsonl"}
SUFFIXES = {ItemsOf.ITEMS: "items.parquet", ItemsOf.ANNOTATIONS: "annotations.jsonl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFile:
    """A recorded file; `sha256` is that of its bytes."""

    path: Path
    name: str
    media_type: str
    sha256: str


def item_file(
    identifier: str, plan: Plan, store: Store, phase: Phase | None, seed: int | None, of: ItemsOf
) -> ItemFile:
    """The file of one model. `seed` may be left out where there is one replica, `phase` where there is one model.

    Raises BadParameter for a seed or phase that there is not, NotFound where no such file will ever be, Conflict while
    it is not recorded yet.
    """
    outcome = _outcome(plan, seed)
    if phase is None:
        if outcome.p2_scores is not None:
            raise BadParameter(Fault(path="phase", given="nothing", expected="p1 or p2"))
        phase = Phase.P1
    stage = _stage(outcome, phase, of)
    if stage is None:
        raise NotFound(_never(identifier, phase, of))
    fingerprint = plan.stage(stage).fingerprint
    record = store.record(fingerprint) if fingerprint is not None else None
    if record is None:
        raise Conflict(f"{identifier}: {plan.stage(stage).title} is not recorded; its items are there once it is")
    path = store.output(record, of.value)
    if not path.is_file():
        raise NotFound(f"{identifier}: {plan.stage(stage).title} is recorded, but its file is gone from the store")
    name = f"{identifier}-{phase}-s{outcome.seed}.{SUFFIXES[of]}"
    return ItemFile(path=path, name=name, media_type=MEDIA_TYPES[of], sha256=record.outputs[of.value].sha256)


def file_response(request: Request, file: ItemFile) -> Response:
    """The file as a stream, under its digest as ETag; nothing where the client has it already."""
    etag = f'"{file.sha256}"'
    asked = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if etag in asked or "*" in asked:
        return Response(status_code=304, headers={"ETag": etag})
    return FileResponse(file.path, media_type=file.media_type, filename=file.name, headers={"ETag": etag})


def _outcome(plan: Plan, seed: int | None) -> Outcome:
    seeds = [outcome.seed for outcome in plan.outcomes]
    if seed is None and len(seeds) == 1:
        return plan.outcomes[0]
    for outcome in plan.outcomes:
        if outcome.seed == seed:
            return outcome
    given = "nothing" if seed is None else str(seed)
    raise BadParameter(Fault(path="seed", given=given, expected=f"one of {', '.join(map(str, seeds))}"))


def _stage(outcome: Outcome, phase: Phase, of: ItemsOf) -> str | None:
    if of is ItemsOf.ITEMS:
        return outcome.p1_scores if phase is Phase.P1 else outcome.p2_scores
    return outcome.p1_judged if phase is Phase.P1 else outcome.p2_judged


def _never(identifier: str, phase: Phase, of: ItemsOf) -> str:
    if of is ItemsOf.ANNOTATIONS:
        return f"{identifier}: the answers of {phase.upper()} are judged by nobody; evaluation.judge asks for that"
    return f"{identifier} has no {phase.upper()}: one model is evaluated, which stands as p1"
