"""Every test of this folder that asks for `database` runs on both: SQLite, and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from inspector.records.database import reader, sqlite_url, writer
from inspector.records.migrate import upgrade
from inspector.records.tables import metadata
from tests.support.postgres import PostgresServer


class Database:
    """Both ends of one database, with its tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.writer, self.reader = writer(url), reader(url)
        upgrade(self.writer)

    def close(self) -> None:
        for engine in (self.writer, self.reader):
            engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "records.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture(scope="session")
def on_postgres(postgres: PostgresServer) -> Iterator[Database]:
    database = Database(postgres.database())
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """With tables, and nothing in them."""
    if request.param == "postgresql":
        shared: Database = request.getfixturevalue("on_postgres")
        with shared.writer.begin() as connection:
            for table in metadata.sorted_tables:
                connection.execute(delete(table))
        yield shared
        return
    database = Database(sqlite_url(tmp_path / "records.db"))
    yield database
    database.close()


@pytest.fixture
def engine(database: Database) -> Engine:
    return database.writer
