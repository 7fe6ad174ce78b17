"""One suite over SQLite and Postgres: the schema, and what the repository promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api.database import Database
from api.experiments.ids import new_id
from api.experiments.lifecycle import ask_to_cancel, begin_attempt, end_attempt, finish
from api.experiments.repository import ExperimentRepository, Filter
from api.experiments.states import Happening, Outcome, State
from api.tables import Base, ExperimentRow, StageRow

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/control.db"
    else:
        url = request.getfixturevalue("postgres_url")
        admin = Database(url)
        with admin.write() as session:
            session.execute(text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
        admin.close()
    found = Database(url)
    found.migrate()
    yield found
    found.close()


def store(database: Database, *, name: str = "one", labels: tuple[str, ...] = (), key: str | None = None) -> str:
    row = ExperimentRow(
        id=new_id(), name=name, project="p", labels=list(labels), state=State.QUEUED, created_at=NOW, updated_at=NOW,
        attempts_before=0, last_event=0, tracked_seq=0, plan_complete=True, idempotency_key=key, spec="{}", plan="{}",
    )  # fmt: skip
    stage = StageRow(experiment_id=row.id, name="a", position=0, title="a", kind="train", state="new")
    with database.write() as session:
        ExperimentRepository(session).add(row, [stage])
        ExperimentRepository(session).append(row, Happening.QUEUED, NOW)
    return row.id


def test_the_migrations_make_what_the_code_expects(database: Database) -> None:
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    identifier = store(database)
    database.migrate()
    with database.read() as session:
        assert ExperimentRepository(session).get(identifier) is not None


def test_moments_keep_their_time_zone(database: Database) -> None:
    identifier = store(database)
    with database.read() as session:
        row = ExperimentRepository(session).get(identifier)
    assert row is not None
    assert row.created_at == NOW


def test_pages_are_newest_first_and_filtered(database: Database) -> None:
    first = store(database, labels=("x", "y"))
    second = store(database, name="two", labels=("x",))
    with database.read() as session:
        repository = ExperimentRepository(session)
        rows = repository.page(Filter(), None, 10)
        assert [row.id for row in rows] == [second, first]
        assert [row.id for row in repository.page(Filter(), rows[0].seq, 10)] == [first]
        assert [row.id for row in repository.page(Filter(label=("x", "y")), None, 10)] == [first]
        assert [row.id for row in repository.page(Filter(name="two", state=(State.QUEUED,)), None, 10)] == [second]
        assert repository.page(Filter(state=(State.FAILED, State.RUNNING)), None, 10) == []


def test_a_key_is_taken_once(database: Database) -> None:
    store(database, key="k")
    with pytest.raises(IntegrityError):
        store(database, key="k")
    with database.read() as session:
        assert len(ExperimentRepository(session).page(Filter(), None, 10)) == 1


def test_events_of_many_writers_are_numbered_without_gaps(database: Database) -> None:
    identifier = store(database)

    def write() -> None:
        for _ in range(10):
            with database.write() as session:
                repository = ExperimentRepository(session)
                row = repository.get(identifier, lock=True)
                assert row is not None
                repository.append(row, Happening.WAITING, NOW)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        events = ExperimentRepository(session).events(identifier, 0, 100)
    assert [event.seq for event in events] == list(range(1, 42))


def test_a_jobs_event_is_stored_once(database: Database) -> None:
    identifier = store(database)

    def take() -> None:
        with database.write() as session:
            repository = ExperimentRepository(session)
            row = repository.get(identifier, lock=True)
            assert row is not None
            repository.append(row, Happening.WAITING, NOW, attempt=1, number=1)

    take()
    with pytest.raises(IntegrityError):
        take()


def test_an_undone_transaction_leaves_nothing(database: Database) -> None:
    identifier = store(database)
    with pytest.raises(RuntimeError), database.write() as session:  # noqa: PT012 - the block is the subject
        repository = ExperimentRepository(session)
        row = repository.get(identifier, lock=True)
        assert row is not None
        finish(repository, row, State.FAILED, None, NOW)
        raise RuntimeError
    with database.read() as session:
        repository = ExperimentRepository(session)
        assert [one.id for one in repository.opened()] == [identifier]
        assert len(repository.events(identifier, 0, 10)) == 1


def test_attempts_begin_live_and_end(database: Database) -> None:
    identifier = store(database)
    with database.write() as session:
        repository = ExperimentRepository(session)
        row = repository.get(identifier, lock=True)
        assert row is not None
        first = begin_attempt(repository, row, NOW)
        session.flush()
        assert [one.attempt for one in repository.opened()] == [1]
        ask_to_cancel(repository, row, NOW)
        assert row.state == State.CANCELLING
        end_attempt(repository, row, first, Outcome.CANCELLED, None, NOW + timedelta(seconds=1))
        finish(repository, row, State.CANCELLED, None, NOW)
    with database.read() as session:
        repository = ExperimentRepository(session)
        assert repository.opened() == []
        assert [one.number for one in repository.logs_to_keep(10)] == [1]
        assert [stage.state for stage in repository.stages(identifier)] == ["skipped"]


def test_stages_of_a_new_plan_take_the_old_ones_place(database: Database) -> None:
    identifier = store(database)
    with database.write() as session:
        stages = [
            StageRow(experiment_id=identifier, name=name, position=n, title=name, kind="train", state="new")
            for n, name in enumerate(("a", "b"))
        ]
        ExperimentRepository(session).replace_stages(identifier, stages)
    with database.read() as session:
        assert [stage.name for stage in ExperimentRepository(session).stages(identifier)] == ["a", "b"]


def test_an_observer_is_told_what_it_has_not_seen(database: Database) -> None:
    seen, unseen = store(database), store(database)
    with database.write() as session:
        row = ExperimentRepository(session).get(seen, lock=True)
        assert row is not None
        row.tracked_seq = row.last_event
    with database.read() as session:
        assert ExperimentRepository(session).untracked(10) == [(unseen, 1)]
