"""Opens a database of records: SQLite (a file, WAL) or PostgreSQL, by URL. Its errors come out as ours.

sqlite:///var/records.db         a file; sqlite:////srv/... is an absolute path
postgresql://USER:PASSWORD@HOST/NAME

`writer` is for the archiver; `reader` never changes a database, and gives every question a limit of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from inspector.errors import RecordsUnavailable, SettingsError

KINDS = {"sqlite": "sqlite", "postgresql": "postgresql+pg8000", "postgres": "postgresql+pg8000"}
"""What stands before :// -> the driver that is taken."""

LOCK_WAIT_S = 10.0
"""How long SQLite waits for another writer, and a question for a free connection."""

SILENT_S = 30.0
"""A PostgreSQL that says nothing for so long while a batch is written is away: a batch takes milliseconds."""

ANSWER_WITHIN = timedelta(seconds=10)
"""A question that takes longer is given up: a page is not worth a database that stands still."""

STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's machine, between two looks at the clock: some milliseconds."""


def url_of(text: str) -> URL:
    """Raises SettingsError. A password in it is never shown."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "the database URL cannot be read: write sqlite:///FILE or postgresql://..."
        ) from None
    driver = KINDS.get(url.drivername)
    if driver is None or not url.database:
        raise SettingsError(
            f"{url.render_as_string(hide_password=True)} is no database of records: write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/NAME"
        )
    return url.set(drivername=driver)


def sqlite_url(file: Path) -> str:
    return f"sqlite:///{file.absolute()}"


def writer(text: str, *, patient: bool = False) -> Engine:
    """For the archiver. Nothing connects here. `patient`: to change tables, which may take minutes; else a
    server that does not answer in time is away. Raises SettingsError."""
    url = url_of(text)
    if url.get_backend_name() == "sqlite":
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": LOCK_WAIT_S})
        event.listen(engine, "connect", _durable)
        return engine
    engine = _postgresql(url, None if patient else SILENT_S)
    # Rows in as few statements as will do: the driver would send one for each of twenty findings.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    return engine


def reader(text: str, answer_within: timedelta = ANSWER_WITHIN) -> Engine:
    """For whoever asks. Nothing connects here. Raises SettingsError."""
    url = url_of(text)
    if url.get_backend_name() == "sqlite":
        # mode=rw: a database that is not there is not made here, empty.
        file = URL.create("sqlite", database=f"file:{url.database}", query={"mode": "rw", "uri": "true"})
        engine = sqlalchemy.create_engine(
            file, connect_args={"timeout": answer_within.total_seconds()}, pool_size=4, max_overflow=0
        )
        event.listen(engine, "connect", _only_asks)
        return engine
    seconds = answer_within.total_seconds()
    asks_only = {
        "statement_timeout": str(int(seconds * 1000)),
        "default_transaction_read_only": "on",
        # Answers take milliseconds: to start helpers for one takes longer, most of all on a busy machine.
        "max_parallel_workers_per_gather": "0",
    }
    # The server gives a question up before the connection is given up.
    return _postgresql(url, seconds + LOCK_WAIT_S, asks_only)


@contextmanager
def translated() -> Iterator[None]:
    """The database's errors, as ours."""
    try:
        yield
    except DBAPIError as error:
        if _is_fault_of_ours(error):
            raise
        raise RecordsUnavailable(f"the database of records: {_first_line(error.orig)}") from error
    except sqlalchemy.exc.TimeoutError as error:  # no connection is free in time
        raise RecordsUnavailable(f"the database of records: {_first_line(error)}") from error
    except OSError as error:  # the driver's own
        raise RecordsUnavailable(f"the database of records does not answer: {error}") from error


@contextmanager
def asking(engine: Engine, answer_within: timedelta = ANSWER_WITHIN) -> Iterator[Connection]:
    """A connection for reading. Raises RecordsUnavailable, also when the time is up."""
    with translated(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            with _limited(connection, answer_within):
                yield connection
        else:
            yield connection


def _postgresql(url: URL, silent_s: float | None, settings: Mapping[str, str] | None = None) -> Engine:
    """`silent_s`: seconds without a word after which the server is away; None: it may take its time."""
    arguments: dict[str, Any] = {"timeout": silent_s, "application_name": "inspector"}
    arguments["startup_params"] = {"timezone": "UTC", **(settings or {})}
    return sqlalchemy.create_engine(
        url, connect_args=arguments, pool_pre_ping=True, pool_size=4, max_overflow=0, pool_timeout=LOCK_WAIT_S
    )


def _durable(connection: Any, _: object) -> None:
    """WAL: readers and the writer do not wait for each other. FULL: a commit outlives a power cut, since the
    queue lets go of what was committed."""
    for setting in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {setting}")


def _only_asks(connection: Any, _: object) -> None:
    connection.execute("PRAGMA query_only = ON")


@contextmanager
def _limited(connection: Connection, answer_within: timedelta) -> Iterator[None]:
    """SQLite asks us every some steps whether to go on."""
    import time  # noqa: PLC0415

    raw: Any = connection.connection.driver_connection
    end = time.monotonic() + answer_within.total_seconds()
    raw.set_progress_handler(lambda: time.monotonic() > end, STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def _is_fault_of_ours(error: DBAPIError) -> bool:
    """A statement that no database would take, or a row that breaks a rule: not for want of a database."""
    if isinstance(error, OperationalError | InterfaceError):
        return False
    return not _says(error, MISSING, TIMED_OUT, GOING_DOWN)


MISSING = ("42P01", "42703", "3D000")
"""PostgreSQL: no such table, column or database: it was not made yet, or by an older version."""
TIMED_OUT = ("57014",)
GOING_DOWN = ("57P01", "57P02", "57P03", "08", "53", "55P03", "40", "28", "25006")
"""Shutdown, broken connection, no room, locks, serialisation, who one is, read-only (a standby)."""


def _says(error: DBAPIError, *codes: tuple[str, ...]) -> bool:
    told = getattr(error.orig, "args", ())
    code = told[0].get("C", "") if told and isinstance(told[0], dict) else ""
    return any(code.startswith(one) for some in codes for one in some)


def _first_line(error: object) -> str:
    """Of a driver's error, what a person reads."""
    told = getattr(error, "args", ())
    if told and isinstance(told[0], dict):
        return str(told[0].get("M", told[0]))
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
