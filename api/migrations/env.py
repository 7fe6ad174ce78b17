"""Runs migrations on the connection that `Database.migrate` opened."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, text

from api.tables import Base, UtcDateTime

LOCK = 0x43465452
"""Postgres' advisory lock: two services that start at once migrate one after the other."""


def _render(kind: str, item: object, _: object) -> str | Literal[False]:
    """A version keeps its meaning when the code changes: it names no type of ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run(connection: Connection) -> None:
    """Migrate inside the caller's transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, render_item=_render)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
