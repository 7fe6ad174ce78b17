"""Write a new migration from the difference between `api/tables.py` and the migrations so far.

python -m api.migrations "what changes"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config

from api.database import Database


def main(message: str) -> None:
    """Migrate an empty database to head, compare, and write the difference as a version."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/empty.db")
        database.migrate()
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True)
        database.close()


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
