"""`/v1/experiments`, `/v1/evaluations`, `/v1/similarity` and `/v1/sweeps`: from HTTP to the service and back.

What may be done with each is one function each, whose service is that of the route's kind (`api.deps`).
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Changed, Document, Logs, Reports, Watch, Work
from api.errors import responses
from api.experiments.examples import EVALUATION_BODY, REQUEST_BODY, SIMILARITY_BODY, SWEEP_BODY
from api.experiments.ids import PATTERN
from api.experiments.items import MEDIA_TYPES, ItemsOf, Phase, file_response
from api.experiments.kinds import Kind
from api.experiments.repository import Filter
from api.experiments.schemas import (
    AnyView,
    EvaluationView,
    EventPage,
    ExperimentView,
    LogView,
    Page,
    ResultsView,
    SimilarityView,
    SweepResultsView,
    SweepView,
)
from api.experiments.service import ExperimentService
from api.experiments.states import State
from api.experiments.stream import stream
from cftray.bundle import Bundle
from cftray.report.sweep_picture import PictureFormat
from cftray.spec.experiment import Name

experiments = APIRouter(prefix=Kind.EXPERIMENT.path, tags=["experiments"])
evaluations = APIRouter(prefix=Kind.EVALUATION.path, tags=["evaluations"])
similarity = APIRouter(prefix=Kind.SIMILARITY.path, tags=["similarity"])
sweeps = APIRouter(prefix=Kind.SWEEP.path, tags=["sweeps"])

EVENT_STREAM = "text/event-stream"
LIVE = responses(404, 422) | {200: {"content": {EVENT_STREAM: {}}, "description": "JSON, or a live stream"}}
LAST_NUMBER = 2**31 - 1
ITEM_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {one: {} for one in MEDIA_TYPES.values()}, "description": "the recorded file; ETag is its sha256"},
    304: {"description": "the client has it: If-None-Match"},
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {one.media_type: {} for one in PictureFormat}, "description": "the picture"}
}
Id = Annotated[str, Path(description=f"the id that POST gave, {PATTERN}", examples=["exp_7k2qh3m5x2ab"])]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="the same key and body give the first answer again",
    ),
]


class WorkQuery(BaseModel):
    """Filters and the place in a list. Several states: any of them; several labels: all of them."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = []
    label: Annotated[list[Name], Field(max_length=8)] = []
    name: Name | None = None
    after: Annotated[str | None, Field(max_length=64, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ListQuery(WorkQuery):
    """Experiments may be asked for by matrix as well."""

    matrix: Annotated[str | None, Field(max_length=64, description="a matrix's id: its cells")] = None


class EventQuery(BaseModel):
    """The place in a history."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[int | None, Field(ge=0, le=LAST_NUMBER)] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 500


class LogQuery(BaseModel):
    """Which log, and how much of it."""

    model_config = ConfigDict(extra="forbid")

    attempt: Annotated[int | None, Field(ge=1, le=LAST_NUMBER, description="null: the newest")] = None
    tail: Annotated[int | None, Field(ge=0, le=LAST_NUMBER, description="lines from the end; null: all")] = None


class ItemsQuery(BaseModel):
    """Whose items."""

    model_config = ConfigDict(extra="forbid")

    phase: Annotated[Phase | None, Field(description="null: the only model of an evaluation")] = None
    seed: Annotated[int | None, Field(ge=0, le=LAST_NUMBER, description="null: the only one")] = None
    of: Annotated[ItemsOf, Field(description="the model's answers, or what a judge said of them")] = ItemsOf.ITEMS


@experiments.post(
    "", status_code=201, response_model=ExperimentView, openapi_extra=REQUEST_BODY,
    responses=responses(409, 413, 415, 422),
)  # fmt: skip
@evaluations.post(
    "", status_code=202, response_model=EvaluationView, openapi_extra=EVALUATION_BODY,
    responses=responses(409, 413, 415, 422),
)  # fmt: skip
@similarity.post(
    "", status_code=202, response_model=SimilarityView, openapi_extra=SIMILARITY_BODY,
    responses=responses(409, 413, 415, 422),
)  # fmt: skip
@sweeps.post(
    "", status_code=202, response_model=SweepView, openapi_extra=SWEEP_BODY, responses=responses(409, 413, 415, 422)
)
def create(document: Document, work: Work, response: Response, key: Key = None) -> AnyView:
    """Store what is asked for and start it as soon as the cluster takes it. JSON or YAML."""
    view, replayed = work.create(document, key)
    response.headers["Location"] = f"{work.kind.path}/{view.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return view


@experiments.get("", responses=responses(422))
def list_experiments(query: Annotated[ListQuery, Query()], work: Work) -> Page:
    """Experiments, the newest first."""
    wanted = Filter(state=tuple(query.state), label=tuple(query.label), name=query.name, matrix=query.matrix)
    return work.page(wanted, query.after, query.limit)


@evaluations.get("", responses=responses(422))
def list_evaluations(query: Annotated[WorkQuery, Query()], work: Work) -> Page:
    """Evaluations of single models, the newest first."""
    return _page(query, work)


@similarity.get("", responses=responses(422))
def list_similarity(query: Annotated[WorkQuery, Query()], work: Work) -> Page:
    """Comparisons of data sets, the newest first."""
    return _page(query, work)


@sweeps.get("", responses=responses(422))
def list_sweeps(query: Annotated[WorkQuery, Query()], work: Work) -> Page:
    """Sweeps, the newest first."""
    return _page(query, work)


@experiments.get("/{identifier}", response_model=ExperimentView, responses=responses(404))
@evaluations.get("/{identifier}", response_model=EvaluationView, responses=responses(404))
@similarity.get("/{identifier}", response_model=SimilarityView, responses=responses(404))
@sweeps.get("/{identifier}", response_model=SweepView, responses=responses(404))
def get(identifier: Id, work: Work) -> AnyView:
    """All that is known: spec, plan with each stage's state, progress, attempts, failure, links."""
    return work.get(identifier)


@experiments.post("/{identifier}/cancel", status_code=202, response_model=ExperimentView, responses=responses(404, 409))
@evaluations.post("/{identifier}/cancel", status_code=202, response_model=EvaluationView, responses=responses(404, 409))
@similarity.post("/{identifier}/cancel", status_code=202, response_model=SimilarityView, responses=responses(404, 409))
@sweeps.post("/{identifier}/cancel", status_code=202, response_model=SweepView, responses=responses(404, 409))
def cancel(identifier: Id, work: Work) -> AnyView:
    """Ask the job to stop; after a grace it is killed. What is queued is cancelled at once."""
    return work.cancel(identifier)


@experiments.post(
    "/{identifier}/retry", status_code=202, response_model=ExperimentView, responses=responses(404, 409, 422)
)
@evaluations.post(
    "/{identifier}/retry", status_code=202, response_model=EvaluationView, responses=responses(404, 409, 422)
)
@similarity.post(
    "/{identifier}/retry", status_code=202, response_model=SimilarityView, responses=responses(404, 409, 422)
)
@sweeps.post("/{identifier}/retry", status_code=202, response_model=SweepView, responses=responses(404, 409, 422))
def retry(identifier: Id, work: Work) -> AnyView:
    """Try what has failed or was cancelled again; what is recorded is not run again."""
    return work.retry(identifier)


@experiments.get("/{identifier}/events", response_model=EventPage, responses=LIVE)
@evaluations.get("/{identifier}/events", response_model=EventPage, responses=LIVE)
@similarity.get("/{identifier}/events", response_model=EventPage, responses=LIVE)
@sweeps.get("/{identifier}/events", response_model=EventPage, responses=LIVE)
async def events(
    request: Request,
    identifier: Id,
    query: Annotated[EventQuery, Query()],
    work: Work,
    changed: Changed,
    lookout: Watch,
    last_event_id: Annotated[str | None, Header(description="goes on after this event")] = None,
) -> Response:
    """The history as JSON; with `Accept: text/event-stream` live, until it is over."""
    live = EVENT_STREAM in request.headers.get("accept", "")
    after = query.after
    if after is None:
        number = last_event_id or ""
        after = min(int(number), LAST_NUMBER) if live and number.isascii() and number.isdigit() else 0
    page = await run_in_threadpool(work.events, identifier, after, query.limit)
    if not live:
        return JSONResponse(page.model_dump(mode="json"))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    live_events = stream(work, lookout, identifier, page, changed)
    return StreamingResponse(live_events, media_type=EVENT_STREAM, headers=headers)


@experiments.get("/{identifier}/logs", responses=responses(404, 422, 503))
@evaluations.get("/{identifier}/logs", responses=responses(404, 422, 503))
@similarity.get("/{identifier}/logs", responses=responses(404, 422, 503))
@sweeps.get("/{identifier}/logs", responses=responses(404, 422, 503))
def logs(identifier: Id, query: Annotated[LogQuery, Query()], service: Logs) -> LogView:
    """The driver's log of an attempt; it outlives Ray."""
    return service.read(identifier, query.attempt, query.tail)


@experiments.get("/{identifier}/results", responses=responses(404, 409))
@evaluations.get("/{identifier}/results", responses=responses(404, 409))
def results(identifier: Id, reports: Reports) -> ResultsView:
    """Scores of P1 and P2 with their differences and intervals; of a single model, its scores as P1's."""
    return reports.results(identifier)


@sweeps.get("/{identifier}/results", responses=responses(404, 409))
def sweep_results(identifier: Id, reports: Reports) -> SweepResultsView:
    """Every trial with its values, state and scores, the best one, and those that no other beats."""
    return reports.sweep_results(identifier)


@sweeps.get("/{identifier}/figures/pareto.{format_}", response_class=Response, responses=PICTURE | responses(404, 409))
def pareto(identifier: Id, format_: PictureFormat, reports: Reports) -> Response:
    """What each trial's phase 2 cost and gave: the change of TA against that of LA."""
    return Response(reports.pareto(identifier, format_), media_type=format_.media_type)


@experiments.get("/{identifier}/report", response_class=HTMLResponse, responses=responses(404, 409))
@evaluations.get("/{identifier}/report", response_class=HTMLResponse, responses=responses(404, 409))
@sweeps.get("/{identifier}/report", response_class=HTMLResponse, responses=responses(404, 409))
def report(identifier: Id, reports: Reports) -> HTMLResponse:
    """The report: one HTML page that holds everything it shows."""
    return HTMLResponse(reports.html(identifier))


@experiments.get("/{identifier}/bundle", responses=responses(404, 409))
def bundle(identifier: Id, reports: Reports) -> Bundle:
    """Spec, digests, versions and figures: what `cftray reproduce` runs again elsewhere and compares with."""
    return reports.bundle(identifier)


@experiments.get("/{identifier}/items", response_class=Response, responses=responses(404, 409, 422) | ITEM_FILES)
@evaluations.get("/{identifier}/items", response_class=Response, responses=responses(404, 409, 422) | ITEM_FILES)
def items(request: Request, identifier: Id, query: Annotated[ItemsQuery, Query()], reports: Reports) -> Response:
    """Every item that a model was scored on, as recorded: Parquet; a judge's annotations: JSON lines."""
    return file_response(request, reports.items(identifier, query.phase, query.seed, query.of))


def _page(query: WorkQuery, work: ExperimentService) -> Page:
    """A page of a kind that is no part of a matrix."""
    wanted = Filter(kind=work.kind, state=tuple(query.state), label=tuple(query.label), name=query.name)
    return work.page(wanted, query.after, query.limit)
