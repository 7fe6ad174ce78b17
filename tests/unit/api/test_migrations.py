"""A database of an earlier version is taken over with what is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from api.database import Database
from api.experiments.kinds import Kind
from api.experiments.repository import ExperimentRepository, Filter

BEFORE_KINDS = "6a73f78ba3df"
OLD_ROW = """INSERT INTO experiments (id, name, project, labels, state, created_at, updated_at, attempts_before,
 last_event, tracked_seq, plan_complete, spec, plan) VALUES ('exp_a', 'old', 'p', '[]', 'succeeded',
 '2026-01-01 00:00:00', '2026-01-01 00:00:00', 0, 0, 0, 1, '{}', '{}')"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/control.db")


def scripts(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "api/migrations")
    config.attributes["connection"] = connection
    return config


def ids(database: Database, kind: Kind) -> list[str]:
    with database.read() as session:
        return [row.id for row in ExperimentRepository(session).page(Filter(kind=kind), None, 10)]


def test_what_was_there_before_there_were_kinds_are_experiments(database: Database) -> None:
    with database.engine.begin() as connection:
        command.upgrade(scripts(connection), BEFORE_KINDS)
        connection.execute(text(OLD_ROW))
    database.migrate()
    assert (ids(database, Kind.EXPERIMENT), ids(database, Kind.EVALUATION)) == (["exp_a"], [])


def test_the_version_before_kinds_can_be_gone_back_to(database: Database) -> None:
    database.migrate()
    with database.engine.begin() as connection:
        connection.execute(text(OLD_ROW))
        connection.execute(text(OLD_ROW.replace("exp_a", "ev_a").replace("(id,", "(kind, id,").replace(
            "VALUES (", "VALUES ('evaluation', ")))  # fmt: skip
        command.downgrade(scripts(connection), BEFORE_KINDS)
        assert connection.execute(text("SELECT id FROM experiments")).scalars().all() == ["exp_a"]
    database.migrate()
    assert ids(database, Kind.EXPERIMENT) == ["exp_a"]
