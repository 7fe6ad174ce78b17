"""The paper's printed tables as data: facts to stand beside one's own figures.

A line is one model's scores in one table; a table's row that shows both phases is two lines. Columns are named as in
results (`ta/mmlu`, `la/xquad`, `la/mlqa/ar`), scores are as printed, 0 to 1. Table D1's line of phase 1 heads a block
and bears that block's phase 2. What does not fit together in print is kept; `cftray.data.misprints` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

PhaseName = Literal["p1", "p2"]
PLAIN: Final = "none"
"""The strategy of a phase 2 without mitigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperKey:
    """A phase 2 of the paper: which model, which data, which strategy (`none`, `GR_5`, …).

    A key of one's own run has no `model` where its model is none of the paper's; such a key fits every model.
    """

    model: str | None
    phase1: str
    phase2: str
    strategy: str = PLAIN

    def fits(self, other: PaperKey) -> bool:
        """Whether both mean the same, whatever the model where one has none."""
        models = self.model is None or other.model is None or self.model == other.model
        return models and (self.phase1, self.phase2, self.strategy) == (other.phase1, other.phase2, other.strategy)

    def __str__(self) -> str:
        """`mistral-7b, instruct then multialpaca, GR_5`."""
        parts = [*([self.model] if self.model else []), f"{self.phase1} then {self.phase2}"]
        return ", ".join(parts + ([self.strategy] if self.strategy != PLAIN else []))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One model's printed scores by column, and the averages printed beside them by suite (none by language)."""

    key: PaperKey
    phase: PhaseName
    scores: Mapping[str, float]
    averages: Mapping[str, float]

    @property
    def recomputed(self) -> dict[str, float]:
        """The mean of the line's own columns, for each suite that it has columns of."""
        suites = dict.fromkeys(column.partition("/")[0] for column in self.scores)
        return {suite: mean([score for name, score in self.scores.items() if _of(name, suite)]) for suite in suites}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTable:
    """A table as printed."""

    name: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def benchmark(self) -> str | None:
        """The benchmark whose languages the columns are (`la/mlqa`); null where they are benchmarks."""
        head = self.columns[0].rpartition("/")[0]
        return head if "/" in head else None

    @property
    def suites(self) -> tuple[str, ...]:
        """Task ability, language ability, or both."""
        return tuple(dict.fromkeys(column.partition("/")[0] for column in self.columns))

    def rows(self) -> tuple[PaperKey, ...]:
        """Every phase 2 of the table, in its order, each once."""
        return tuple(dict.fromkeys(line.key for line in self.lines if line.phase == "p2"))

    def line(self, key: PaperKey, phase: PhaseName) -> Line | None:
        """The line of one model."""
        return next((line for line in self.lines if line.key == key and line.phase == phase), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A printing slip that somebody noticed in a line, in words."""

    table: str
    key: PaperKey
    phase: PhaseName
    note: str


class Similarity(BaseModel):
    """A printed similarity of phase-wise data sets: DES, or MPD (normalised) with MISTRAL-7B as the base."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    phase1: str
    phase2: str
    value: float


class _Keyed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    phase1: str
    phase2: str
    strategy: str
    phase: PhaseName

    @property
    def key(self) -> PaperKey:
        return PaperKey(model=self.model, phase1=self.phase1, phase2=self.phase2, strategy=self.strategy)


class _Line(_Keyed):
    scores: tuple[float, ...]
    averages: dict[str, float] = {}


class _Slip(_Keyed):
    table: str
    note: str


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    columns: tuple[str, ...]
    lines: tuple[_Line, ...]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    des: tuple[Similarity, ...]
    mpd: tuple[Similarity, ...]
    tables: dict[str, _Table]
    slips: tuple[_Slip, ...]


@cache
def _document() -> _Document:
    text = files("cftray.data").joinpath("published.json").read_text(encoding="utf-8")
    return _Document.model_validate_json(text)


def source() -> str:
    """Authors and title of the paper."""
    return _document().source


@cache
def printed_tables() -> Mapping[str, PrintedTable]:
    """Tables 1, C1 to C5 and D1 by name."""
    return {
        name: PrintedTable(
            name=name,
            title=table.title,
            columns=table.columns,
            lines=tuple(
                Line(
                    key=line.key,
                    phase=line.phase,
                    scores=dict(zip(table.columns, line.scores, strict=True)),
                    averages=line.averages,
                )
                for line in table.lines
            ),
        )
        for name, table in _document().tables.items()
    }


@cache
def slips() -> tuple[Slip, ...]:
    """Printing slips that were noticed and that no arithmetic finds."""
    return tuple(Slip(table=one.table, key=one.key, phase=one.phase, note=one.note) for one in _document().slips)


def printed_des() -> tuple[Similarity, ...]:
    """Every DES that the paper prints; higher is more similar."""
    return _document().des


def printed_mpd() -> tuple[Similarity, ...]:
    """Every MPD that the paper prints, divided by the largest; lower is more similar."""
    return _document().mpd


def mean(values: list[float]) -> float:
    """The plain mean."""
    return sum(values) / len(values)


def _of(column: str, suite: str) -> bool:
    return column.startswith(f"{suite}/")
