"""Alembic's migrations, run by `api.database.Database.migrate`.

A new one: change `api/tables.py`, then
`python -m api.migrations "what changes"` writes a file to look over.
"""
