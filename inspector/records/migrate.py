"""Brings a database to the tables of this version: by whoever writes; several at once do no harm."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from inspector.errors import RecordsUnavailable
from inspector.records.database import translated

MIGRATIONS = Path(__file__).parent / "migrations"

LOCK = 4_771_001
"""PostgreSQL's advisory lock while tables are changed: a number that nobody else is likely to take."""


def upgrade(engine: Engine) -> None:
    """Raises RecordsUnavailable: also for a database of a newer version, which is left as it is."""
    with translated(), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = _config(connection)
        held = MigrationContext.configure(connection).get_current_revision()
        if held is not None and held not in _known(config):
            raise RecordsUnavailable(
                f"the database was made by a newer version (revision {held}): update this program"
            )
        command.upgrade(config, "head")


def revision(engine: Engine) -> str | None:
    """The database's; None for one without tables."""
    with translated(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _known(config: Config) -> set[str]:
    return {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
