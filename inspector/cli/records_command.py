"""`inspector records`: what the archiver wrote, as a file for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import Engine

from inspector.errors import SettingsError
from inspector.records.database import reader, sqlite_url
from inspector.records.parquet import write_parquet
from inspector.records.search import Wanted

records = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)

Word = Annotated[str | None, typer.Option(help="Of that one alone.")]


@records.callback()
def described() -> None:
    """What is on record, for other programs.

    Example: inspector records export --parquet january.parquet --since 2027-01-01T00:00:00Z
    """


@records.command()
def export(
    parquet: Annotated[Path, typer.Option(metavar="FILE", help="The file to write; it must not exist.")],
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Received at or after: ISO 8601 with a zone.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Received before.")] = None,
    line: Annotated[list[str] | None, typer.Option(help="Of that line; may be repeated.")] = None,
    station: Word = None,
    view: Word = None,
    lot: Word = None,
    recipe: Word = None,
    verdict: Annotated[str | None, typer.Option(help="OK, NG or REVIEW.")] = None,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="INSPECTOR_DATABASE_URL", help="The archiver's; else that of the stack in --data-dir."
        ),
    ] = None,
    data_dir: Annotated[Path, typer.Option(help="Of an `inspector up`, without --database-url.")] = Path(
        "var"
    ),
) -> None:
    """A row an inspection, newest first, with the columns of the CSV, as Parquet.

    It holds some 20,000 rows in memory, however many there are. What arrives meanwhile is not in it.

    Example: inspector records export --parquet shift.parquet --line L1 --since 2027-01-31T06:00:00Z
    """
    if verdict not in (None, "OK", "NG", "REVIEW"):
        raise SettingsError(f"--verdict {verdict}: OK, NG or REVIEW")
    wanted = Wanted(
        lines=line or None,
        station=station,
        view=view,
        lot_id=lot,
        recipe=recipe,
        verdict=verdict,
        since=_time("--since", since),
        until=_time("--until", until),
    )
    with _asked(database_url, data_dir) as engine, _whole(parquet) as partial:
        console = Console(stderr=True)
        with console.status("asking the database") as status:
            count = write_parquet(engine, wanted, partial, lambda rows: status.update(f"{rows:,} rows"))
    typer.echo(f"{parquet}: {count:,} rows, {parquet.stat().st_size:,} bytes")


@contextmanager
def _asked(database_url: str | None, data_dir: Path) -> Iterator[Engine]:
    file = data_dir / "records.db"
    if not database_url and not file.exists():
        raise SettingsError(f"there is no {file}: give the --database-url of the records, or a --data-dir")
    engine = reader(database_url or sqlite_url(file))
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """Another name until all is written: a file of that name is whole. Raises SettingsError."""
    if file.exists():
        raise SettingsError(f"--parquet {file}: it exists already; name another, or remove it")
    partial = file.with_name(f"{file.name}.part")
    try:
        yield partial
        partial.rename(file)
    except OSError as error:
        raise SettingsError(f"--parquet {file}: cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SettingsError(f"{option} {text}: write a time with its zone, such as 2027-01-31T06:00:00Z")
    return moment
