"""A database gets the tables that the code expects, once, whoever comes first."""

from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from inspector.errors import RecordsUnavailable
from inspector.records.database import writer
from inspector.records.migrate import revision, upgrade
from inspector.records.tables import metadata


def test_the_migrations_make_the_tables_that_the_code_expects(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_an_empty_database_has_no_revision(empty_url: str) -> None:
    engine = writer(empty_url)
    assert revision(engine) is None
    upgrade(engine)
    assert revision(engine) == "r0004"
    upgrade(engine)
    assert revision(engine) == "r0004"
    engine.dispose()


def test_several_archivers_may_start_at_once(empty_url: str) -> None:
    engines = [writer(empty_url) for _ in range(3)]
    threads = [threading.Thread(target=upgrade, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [revision(engine) for engine in engines] == ["r0004"] * 3
    for engine in engines:
        engine.dispose()


def test_a_database_of_a_newer_version_is_left_alone(empty_url: str) -> None:
    engine = writer(empty_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    with pytest.raises(RecordsUnavailable, match="newer version"):
        upgrade(engine)
    assert revision(engine) == "r9999"
    engine.dispose()
