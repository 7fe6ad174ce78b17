"""The database's tables: intent and attempts. Results are never here; records in the store are.

An experiment's `last_event` numbers its events: it is raised under the row's lock, so that events
become visible in the order of their numbers and a reader that goes on after n misses none.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC. Raises ValueError for a moment without a time zone."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """With its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of every table; a constraint's name follows from what it is on."""

    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: UtcDateTime}  # noqa: RUF012


class ExperimentRow(Base):
    """What somebody wants, and how far it is. `seq` orders experiments, `id` names them.

    Not only experiments proper: `kind` tells what its spec asks for (`api.experiments.kinds`).
    """

    __tablename__ = "experiments"
    __table_args__ = (
        Index("ix_experiments_state", "state", "seq"),
        Index("ix_experiments_name", "kind", "name", "seq"),
        Index("ix_experiments_kind", "kind", "seq"),
        Index("ix_experiments_kind_state", "kind", "state", "seq"),
        Index(
            "ix_experiments_untracked",
            "seq",
            sqlite_where=text("tracked_seq < last_event"),
            postgresql_where=text("tracked_seq < last_event"),
        ),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(16), unique=True)
    kind: Mapped[str] = mapped_column(String(16), default="experiment", server_default="experiment")
    name: Mapped[str] = mapped_column(String(128))
    project: Mapped[str] = mapped_column(String(128))
    labels: Mapped[list[str]]
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]
    stop_sent_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    waiting_for: Mapped[str | None] = mapped_column(Text)
    attempts_before: Mapped[int] = mapped_column(default=0)
    """Attempts of earlier wishes: a retry asked for by a person starts counting anew."""
    last_event: Mapped[int] = mapped_column(default=0)
    tracked_seq: Mapped[int] = mapped_column(default=0)
    plan_complete: Mapped[bool]
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    body_hash: Mapped[str | None] = mapped_column(String(64))
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    spec: Mapped[str] = mapped_column(Text)
    plan: Mapped[str] = mapped_column(Text)


class LabelRow(Base):
    """A label of an experiment, to be found by."""

    __tablename__ = "experiment_labels"

    label: Mapped[str] = mapped_column(String(128), primary_key=True)
    seq: Mapped[int] = mapped_column(ForeignKey("experiments.seq", ondelete="CASCADE"), primary_key=True)


class AttemptRow(Base):
    """One attempt: a job of Ray with a submission id of ours. `ended_at` is null while it lives."""

    __tablename__ = "attempts"
    __table_args__ = (
        Index(
            "ix_attempts_log_not_kept",
            "experiment_id",
            sqlite_where=text("NOT log_kept"),
            postgresql_where=text("NOT log_kept"),
        ),
    )

    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ray_status: Mapped[str | None] = mapped_column(String(16))
    outcome: Mapped[str | None] = mapped_column(String(16))
    failure: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    last_number: Mapped[int] = mapped_column(default=0)
    """The highest number of the job's events taken in."""
    log_kept: Mapped[bool] = mapped_column(default=False)


class StageRow(Base):
    """The state of one stage of an experiment's plan, derived from events."""

    __tablename__ = "stages"
    __table_args__ = (Index("ix_stages_name", "name", "ended_at"),)

    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int]
    title: Mapped[str] = mapped_column(String(128))
    kind: Mapped[str] = mapped_column(String(32))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))
    why: Mapped[str | None] = mapped_column(Text)
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class EventRow(Base):
    """One event of an experiment: its own, or one of a job's, known by (attempt, number)."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("experiment_id", "attempt", "number", name="uq_events_number"),)

    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    attempt: Mapped[int | None]
    number: Mapped[int | None]
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))
    stage: Mapped[str | None] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]


class MatrixRow(Base):
    """A matrix as it was POSTed; its cells are experiments."""

    __tablename__ = "matrices"
    __table_args__ = ({"sqlite_autoincrement": True},)

    seq: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    body_hash: Mapped[str] = mapped_column(String(64))


class CellRow(Base):
    """One cell of a matrix: its row in the table, its coordinates, the experiment that it is."""

    __tablename__ = "matrix_cells"
    __table_args__ = (Index("ix_matrix_cells_experiment", "experiment_id"),)

    matrix_id: Mapped[str] = mapped_column(ForeignKey("matrices.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    experiment_id: Mapped[str] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    row: Mapped[str] = mapped_column(String(256))
    coordinates: Mapped[dict[str, Any]]
