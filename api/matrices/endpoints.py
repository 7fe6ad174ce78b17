"""`/v1/matrices`: from HTTP to the service and back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from api.deps import Document, Matrices, MatrixReports
from api.errors import responses
from api.experiments.endpoints import Key
from api.experiments.examples import body_of
from api.matrices.schemas import MatrixPage, MatrixTableView, MatrixView
from api.refusals import BadParameter
from cftray.errors import Fault
from cftray.report.layouts import Layout
from cftray.report.matrix_html import html_matrix
from cftray.report.matrix_latex import latex_matrix
from cftray.report.matrix_text import csv_matrix, markdown_matrix
from cftray.spec.matrix import MatrixAddition, MatrixSpec

router = APIRouter(prefix="/v1/matrices", tags=["matrices"])

EXAMPLE: dict[str, Any] = {
    "name": "forgetting",
    "spec": {"recipe": "mini", "pair": "dissimilar"},
    "axes": {"mitigation": [{"kind": "none"}, {"kind": "generative_replay", "ratio": 0.1}], "seed": [17, 18]},
    "cells": [{"pair": "similar"}],
}
MORE: dict[str, Any] = {"axes": {"seed": [19]}, "cells": [{"mitigation": {"kind": "lora"}}]}
REQUEST_BODY = body_of(MatrixSpec, EXAMPLE)
MORE_BODY = body_of(MatrixAddition, MORE)
Id = Annotated[str, Path(description="a matrix's id", examples=["mat_7k2qh3m5x2ab"])]


class MatrixQuery(BaseModel):
    """The place in a list."""

    model_config = ConfigDict(extra="forbid")

    after: Annotated[str | None, Field(max_length=64, description="`next` of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class FigureFormat(StrEnum):
    """How a figure is given."""

    SVG = "svg"
    PNG = "png"


FIGURES: dict[FigureFormat, str] = {FigureFormat.SVG: "image/svg+xml", FigureFormat.PNG: "image/png"}
FIGURE_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FIGURES.values()}}
}


class Format(StrEnum):
    """How a table is given."""

    JSON = "json"
    MARKDOWN = "markdown"
    CSV = "csv"
    LATEX = "latex"
    HTML = "html"


@router.post("", status_code=201, openapi_extra=REQUEST_BODY, responses=responses(409, 413, 415, 422))
def create(document: Document, matrices: Matrices, response: Response, key: Key = None) -> MatrixView:
    """Store a matrix with all its experiments, or refuse it with the faults of every cell. JSON or YAML."""
    view, replayed = matrices.create(document, key)
    response.headers["Location"] = f"/v1/matrices/{view.id}"
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return view


@router.post(
    "/{identifier}/cells", status_code=201, openapi_extra=MORE_BODY, responses=responses(404, 409, 413, 415, 422)
)
def add_cells(identifier: Id, document: Document, matrices: Matrices) -> MatrixView:
    """Give a matrix more values of its axes, and more cells, at any time; those that it has are not made twice."""
    return matrices.add_cells(identifier, document)


@router.get("", responses=responses(422))
def list_matrices(query: Annotated[MatrixQuery, Query()], matrices: Matrices) -> MatrixPage:
    """Matrices, the newest first."""
    return matrices.page(query.after, query.limit)


@router.get("/{identifier}", responses=responses(404))
def get(identifier: Id, matrices: Matrices) -> MatrixView:
    """One matrix: each cell with its experiment, state, progress and failure."""
    return matrices.get(identifier)


@router.post("/{identifier}/cancel", status_code=202, responses=responses(404))
def cancel(identifier: Id, matrices: Matrices) -> MatrixView:
    """Ask every cell that is not over to stop."""
    return matrices.cancel(identifier)


@router.get("/{identifier}/table", response_model=MatrixTableView, responses=responses(404, 422))
def table(
    identifier: Id,
    matrices: Matrices,
    format_: Annotated[Format, Query(alias="format")] = Format.JSON,
    layout: Annotated[Layout | None, Query(description="a table of the paper; for latex and html, D1 if null")] = None,
) -> MatrixTableView | PlainTextResponse:
    """Scores of all cells, by default in the layout of the paper's Table D1; failed cells named, the others kept."""
    if layout is not None and format_ not in (Format.LATEX, Format.HTML):
        raise BadParameter(Fault(path="layout", given=f"{layout} as {format_}", expected="format=latex or format=html"))
    view = matrices.table(identifier)
    shape = layout or Layout.D1
    match format_:
        case Format.JSON:
            return view
        case Format.MARKDOWN:
            return PlainTextResponse(markdown_matrix(view.table), media_type="text/markdown")
        case Format.CSV:
            return PlainTextResponse(csv_matrix(view.table), media_type="text/csv")
        case Format.LATEX:
            return PlainTextResponse(latex_matrix(view.table, shape), media_type="application/x-tex")
        case Format.HTML:
            return PlainTextResponse(html_matrix(view.table, shape), media_type="text/html")


@router.get("/{identifier}/report", response_class=HTMLResponse, responses=responses(404, 409))
def report(identifier: Id, reports: MatrixReports) -> HTMLResponse:
    """The report: one HTML page that holds everything it shows; of an unfinished matrix, what there is."""
    return HTMLResponse(reports.html(identifier))


@router.get(
    "/{identifier}/figures/{name}.{format}", response_class=Response, responses=responses(404, 409, 422) | FIGURE_FILES
)
def figure(
    identifier: Id,
    name: Annotated[str, Path(description="a figure of the report", examples=["changes", "forgetting-des"])],
    format_: Annotated[FigureFormat, Path(alias="format")],
    reports: MatrixReports,
) -> Response:
    """One figure of the report by itself."""
    return Response(reports.figure(identifier, name, format_.value), media_type=FIGURES[format_])
