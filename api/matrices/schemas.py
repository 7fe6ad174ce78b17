"""What the API says about matrices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.experiments.schemas import FailureView, Progress
from api.experiments.states import State
from cftray.report.matrix import MatrixTable


class CellView(BaseModel):
    """A cell: its row in the table, the value of each axis, and the experiment that it is."""

    row: str
    coordinates: dict[str, Any]
    experiment: str
    name: str
    state: State
    terminal: bool
    progress: Progress
    failure: FailureView | None


class MatrixLinks(BaseModel):
    """Where to look further."""

    model_config = ConfigDict(populate_by_name=True)

    self_: Annotated[str, Field(serialization_alias="self", validation_alias="self")]
    table: str
    report: str
    experiments: str


class MatrixSummary(BaseModel):
    """A matrix in a list; `counts` has the number of cells in each state that occurs."""

    id: str
    name: str
    terminal: bool
    created_at: datetime
    counts: dict[State, int]
    links: MatrixLinks


class MatrixView(MatrixSummary):
    """A matrix with its cells. `stages` and `distinct_stages` tell how much they share."""

    cells: list[CellView]
    stages: int
    distinct_stages: int


class MatrixPage(BaseModel):
    """Matrices, the newest first. `after` of the next page is `next`."""

    data: list[MatrixSummary]
    has_more: bool
    next: str | None


class MatrixTableView(BaseModel):
    """The table as far as scores are recorded."""

    matrix: str
    terminal: bool
    table: MatrixTable
