"""`inspector keys`: make, list, replace and revoke the API keys of a gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from inspector.access import key_file
from inspector.access.keys import Key, KeySet, issue, succeed
from inspector.access.roles import Role
from inspector.errors import SettingsError

keys = typer.Typer(
    help="Make, list, replace and revoke the API keys of a gateway.\n\n"
    "The gateway reads the file again when it changes; nothing needs a restart.\n\n"
    "Example: inspector keys add 'AOI 2 on L1' --role camera --lines L1 --file keys.json > aoi-2.key",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

File = Annotated[
    Path, typer.Option("--file", envvar="INSPECTOR_KEYS_FILE", help="The gateway's key file (--keys-file).")
]
Expires = Annotated[
    str | None, typer.Option(help="Last day on which it is valid (UTC), as 2027-01-31; default: for ever.")
]

DEFAULT_FILE = Path("keys.json")


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Whose key it is, for people: 'AOI 2 on L1'.")],
    role: Annotated[Role, typer.Option(help="What it is for; docs/api.md has the table.")],
    lines: Annotated[str | None, typer.Option(help="Lines that it is for, as L1,L2.")] = None,
    all_lines: Annotated[bool, typer.Option("--all-lines", help="It is for every line.")] = False,
    expires: Expires = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Make a key and show it once; the file keeps only its SHA-256.

    The key alone goes to standard output, all else to standard error: `> station.key` writes what `inspector
    camera --api-key-file` reads.

    \b
    Examples:
      inspector keys add 'AOI 2 on L1' --role camera --lines L1 > aoi-2.key
      inspector keys add 'shift screen' --role operator --all-lines --expires 2027-01-31
    """  # noqa: D301  # \b is the character that keeps a block's lines apart
    if (lines is None) is not all_lines:
        raise SettingsError("say which lines the key is for: --lines L1,L2, or --all-lines")
    wanted = None if lines is None else [line.strip() for line in lines.split(",") if line.strip()]
    try:
        key, secret = issue(name, role, wanted, _end_of(expires), _now())
    except ValidationError as error:
        raise SettingsError(_rule(error)) from error
    with key_file.changing(file, create=True) as change:
        change.keys = change.keys.added(key)
    _show_once(key, secret, file)


@keys.command("list")
def list_keys(file: File = DEFAULT_FILE) -> None:
    """Show all keys, the expired and revoked ones too. A key itself is never shown again.

    Example: inspector keys list --file keys.json
    """
    table = Table("id", "name", "role", "lines", "made", "expires", "state", box=None, pad_edge=False)
    now = _now()
    for key in key_file.read(file).keys:
        end = "never" if key.expires_at is None else _day(key.expires_at - timedelta(microseconds=1))
        row = (
            key.id,
            key.name,
            key.role,
            _lines(key),
            _day(key.created_at),
            end,
            key.trouble(now) or "valid",
        )
        table.add_row(*row)
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `inspector keys list` shows it.")],
    file: File = DEFAULT_FILE,
) -> None:
    """Make a key invalid: the gateway refuses it within two seconds, and ends its live streams.

    Example: inspector keys revoke k-3f9a1c20b7d4
    """
    with key_file.changing(file) as change:
        key = _named(change.keys, key_id, file)
        change.keys = change.keys.revoked(key.id, _now())
    typer.echo(f"{key.id} ({key.name}) is revoked")


@keys.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `inspector keys list` shows it.")],
    expires: Expires = None,
    file: File = DEFAULT_FILE,
) -> None:
    """Make a key in place of another, for the same role and lines. The old one stays valid: give the new one
    to its station, then revoke the old one.

    The new key shares the old one's Idempotency-Keys, so that an image which was sent with the old key and is
    sent again with the new one is still one part.

    Example: inspector keys rotate k-3f9a1c20b7d4 > aoi-2.key
    """
    with key_file.changing(file) as change:
        old = _named(change.keys, key_id, file)
        key, secret = succeed(old, _end_of(expires), _now())
        change.keys = change.keys.added(key)
    _show_once(key, secret, file)
    typer.echo(f"once it is in use: inspector keys revoke {old.id}", err=True)


def _show_once(key: Key, secret: str, file: Path) -> None:
    until = "" if key.expires_at is None else f", {key.expires_at:valid until %Y-%m-%d %H:%M} UTC"
    typer.echo(f"{key.id} ({key.name}): {key.role}, lines: {_lines(key)}{until}, in {file}", err=True)
    typer.echo("the key, shown this once:", err=True)
    typer.echo(secret)


def _named(known: KeySet, key_id: str, file: Path) -> Key:
    key = known.named(key_id)
    if key is None:
        raise SettingsError(f"{file} has no key {key_id!r}: see `inspector keys list`")
    return key


def _lines(key: Key) -> str:
    return "all" if key.lines is None else ", ".join(key.lines)


def _now() -> datetime:
    return datetime.now(UTC)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"


def _end_of(day: str | None) -> datetime | None:
    """The moment behind that day, UTC."""
    if day is None:
        return None
    try:
        end = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise SettingsError(f"--expires {day!r}: must be a day, as 2027-01-31") from error
    if end <= _now():
        raise SettingsError(f"--expires {day}: is in the past")
    return end


def _rule(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{first['loc'][0]} {first['input']!r}: {first['msg']}"
