"""`inspector dead-letters`: the images that no worker could finish, and what becomes of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from inspector.errors import SettingsError
from inspector.queue import connect
from inspector.queue.base import Admin, DeadLetter, Results
from inspector.queue.blobs import BlobStore
from inspector.queue.settings import QueueSettings, load

T = TypeVar("T")

ALL = 100_000
"""Beyond what is ever held."""

dead_letters = typer.Typer(
    help="Images that several workers took and none finished: look at them, give them back, or drop them."
    "\n\nExample: inspector dead-letters list",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

RedisUrl = Annotated[
    str | None,
    typer.Option(
        "--redis-url",
        envvar="INSPECTOR_REDIS_URL",
        help="The queue's Redis or Valkey; else that of the stack in --data-dir.",
    ),
]
DataDir = Annotated[Path, typer.Option(help="Of a running `inspector up`, when there is no --redis-url.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The inspection's id.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID...", help="The inspections' ids.")]
Every = Annotated[bool, typer.Option("--all", help="All dead letters.")]
HERE = Path("var")


@dead_letters.command("list")
def list_letters(
    redis_url: RedisUrl = None,
    data_dir: DataDir = HERE,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Which images lie there, newest first.

    Example: inspector dead-letters list --limit 10
    """
    letters = _ask(redis_url, data_dir, lambda admin, _: admin.dead_letters(limit))
    if as_json:
        for letter in letters:
            typer.echo(json.dumps(_facts(letter)))
    elif letters:
        _show_table(letters)
    else:
        typer.echo("there are no dead letters")


@dead_letters.command()
def show(
    inspection_id: Id,
    redis_url: RedisUrl = None,
    data_dir: DataDir = HERE,
    image: Annotated[Path | None, typer.Option(help="Write the image here, byte for byte as posted.")] = None,
) -> None:
    """All that is known of one, and its image.

    Example: inspector dead-letters show 01a203e9dd2c7108b4c61a317564717c --image part.jpg
    """

    async def look(admin: Admin, results: Results) -> tuple[DeadLetter, bytes | None]:
        letter = await admin.dead_letter(inspection_id)
        if image is None:
            return letter, None
        _, held = await results.image(inspection_id)
        return letter, held if isinstance(held, bytes) else held.read()

    letter, content = _ask(redis_url, data_dir, look)
    typer.echo(json.dumps(_facts(letter), indent=2))
    if image and content is not None:
        _write(image, content)
        typer.echo(f"{image}: {len(content):,} bytes")


@dead_letters.command()
def requeue(
    inspection_ids: Ids = None, every: Every = False, redis_url: RedisUrl = None, data_dir: DataDir = HERE
) -> None:
    """Give them to the workers again, once what made them fail is mended.

    The id and the Idempotency-Key stay the same; the state is `queued` again and will reach a second outcome.
    They get three new deliveries, and no deadline.

    Example: inspector dead-letters requeue --all
    """
    _each(inspection_ids, every, redis_url, data_dir, lambda admin, one: admin.requeue(one), "waits again")


@dead_letters.command()
def drop(
    inspection_ids: Ids = None, every: Every = False, redis_url: RedisUrl = None, data_dir: DataDir = HERE
) -> None:
    """Let them go with their images. They stay `failed`.

    Example: inspector dead-letters drop 01a203e9dd2c7108b4c61a317564717c
    """
    _each(inspection_ids, every, redis_url, data_dir, lambda admin, one: admin.drop(one), "dropped")


def _each(
    ids: list[str] | None,
    every: bool,
    redis_url: str | None,
    data_dir: Path,
    act: Callable[[Admin, str], Awaitable[None]],
    done: str,
) -> None:
    """One after the other, saying each; the first that cannot be ends it."""
    if bool(ids) == every:
        raise SettingsError("name the ids, or --all of them")

    async def act_on_all(admin: Admin, _: Results) -> None:
        # Oldest first: in the order in which they came.
        for one in ids or [letter.id for letter in reversed(await admin.dead_letters(ALL))]:
            await act(admin, one)
            typer.echo(f"{one}: {done}")

    _ask(redis_url, data_dir, act_on_all)


def _ask(redis_url: str | None, data_dir: Path, ask: Callable[[Admin, Results], Awaitable[T]]) -> T:
    async def opened() -> T:
        settings = load()
        url, store = (redis_url, settings.blob_store) if redis_url else _of_stack(data_dir, settings)
        shards, budgets = settings.shards, settings.budgets
        admin = connect.admin(url, budgets, shards)
        results = connect.results(url, shards, blobs=store)
        try:
            return await ask(admin, results)
        finally:
            await admin.aclose()
            await results.aclose()

    return asyncio.run(opened())


def _of_stack(data_dir: Path, settings: QueueSettings) -> tuple[str, BlobStore | None]:
    """The URL of its queue, and its blob store."""
    try:
        facts = json.loads((data_dir / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"no stack runs on {data_dir}: give its --data-dir, or the --redis-url of the queue"
        ) from None
    blobs = facts.get("blobs")
    return str(facts["redis_url"]), BlobStore(Path(blobs)) if blobs else settings.blob_store


def _facts(letter: DeadLetter) -> dict[str, Any]:
    died_at = letter.died_at.isoformat(timespec="seconds")
    return {**asdict(letter), "died_at": died_at, "error": json.loads(letter.error)}


def _show_table(letters: list[DeadLetter]) -> None:
    table = Table("id", "died at (UTC)", "line", "part", "bytes", "buried by", box=None)
    for letter in letters:
        part = json.loads(letter.error).get("part") or {}
        when = f"{letter.died_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(
            letter.id, when, letter.line, part.get("part_id") or "", f"{letter.size:,}", letter.consumer
        )
    # Wide enough that no id is cut, also in a pipe: it is there to be copied.
    console = Console(markup=False, highlight=False)
    console.width = max(console.width, 120)
    console.print(table)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"--image {path}: cannot be written: {error.strerror}") from error
