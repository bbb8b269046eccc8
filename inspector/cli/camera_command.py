"""`inspector camera`: post the images of a folder, or synthetic boards, to a gateway."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer
from pydantic import TypeAdapter, ValidationError

from inspector.camera import api_key
from inspector.camera.api_key import ApiKey
from inspector.camera.camera import Camera, Pace
from inspector.camera.client import Gateway, Patience
from inspector.camera.folder import FolderSource
from inspector.camera.outbox import Bounds
from inspector.camera.shot import Delivery, Placement, Source
from inspector.camera.tally import Tally
from inspector.cli import watching
from inspector.cli.camera_display import Display, summary
from inspector.errors import SettingsError
from inspector.messages.job import Priority
from inspector.messages.names import NAME_RULE, Name


class WhenFull(StrEnum):
    WAIT = "wait"
    DROP_OLDEST = "drop-oldest"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a camera against one gateway."""

    url: str
    source: Source
    pace: Pace
    patience: Patience
    keep: Path = Path("undelivered")
    json: Path | None = None
    api_key: ApiKey | None = None


def camera(
    url: Annotated[str, typer.Option(help="Address of the gateway.")] = "http://127.0.0.1:8000",
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="INSPECTOR_API_KEY_FILE", help="File with the gateway's API key; or set INSPECTOR_API_KEY."
        ),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Post the images of this folder, once.")] = None,
    glob: Annotated[str | None, typer.Option(help="Which files of it: '**/*_test.jpg'.")] = None,
    watch: Annotated[
        Path | None, typer.Option(help="Post images as they appear in this folder, until Ctrl-C.")
    ] = None,
    outbox_mb: Annotated[
        int, typer.Option(min=0, help="With --watch: most MB that wait for the gateway; 0: no limit.")
    ] = 0,
    outbox_hours: Annotated[
        float, typer.Option(min=0, help="With --watch: give up what waited longer; 0: never.")
    ] = 0,
    when_full: Annotated[
        WhenFull, typer.Option(help="With --outbox-mb: take no more files, or give up the oldest.")
    ] = WhenFull.WAIT,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Post synthetic boards instead.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Which synthetic boards.")] = 0,
    defective_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of synthetic boards with defects: 0.5; 0.02 with --clog."),
    ] = None,
    clog: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="With --synthetic: one product, and from this board on a nozzle is clogged at one place.",
        ),
    ] = None,
    line: Annotated[str | None, typer.Option(help="Name of the line.")] = None,
    station: Annotated[str | None, typer.Option(help="Name of the station.")] = None,
    view: Annotated[str | None, typer.Option(help="Name of this camera's view of the part.")] = None,
    recipe: Annotated[str | None, typer.Option(help="Recipe to judge by.")] = None,
    deadline_ms: Annotated[
        int | None, typer.Option(min=1, help="Milliseconds until a verdict is late.")
    ] = None,
    priority: Annotated[
        Priority | None,
        typer.Option(help="reinspection: images of before, taken only while no live one waits."),
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="Images a second; 0: as quickly as they go.")] = 5.0,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many images.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Images under way at a time.")] = 8,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write each answer to this file, one JSON object a line.")
    ] = None,
    wait: Annotated[int, typer.Option(min=0, help="Seconds that one request waits for the verdict.")] = 30,
    give_up: Annotated[int, typer.Option(min=0, help="Seconds of trying and waiting for one image.")] = 120,
    keep: Annotated[Path, typer.Option(help="Where images go that could not be delivered.")] = Path(
        "undelivered"
    ),
) -> None:
    """Post images to a gateway and show the verdicts as they come.

    A folder is posted once; synthetic boards go on until Ctrl-C or --count. Whatever is not answered (no
    connection, a time-out, 503) is tried again with the same Idempotency-Key until --give-up, then kept in
    --keep; post that folder later, and each image is still the same part. The exit code is 0 only if every
    image reached a terminal answer.

    --watch hands over each image as soon as it is whole, in order, and moves it to DIR/sent when the gateway
    has it, or to DIR/refused with the reason beside it. While the gateway is away, images wait in DIR/outbox
    with their key and time of capture; a new start goes on with them.

    \b
    Examples:
      inspector camera --folder ./boards --line L1 --station S1
      inspector camera --synthetic --rate 10 --count 100 --json answers.jsonl
      inspector camera --synthetic --line L1 --clog 300
      inspector camera --folder ./undelivered
      inspector camera --folder ./archive --line L1 --priority reinspection
      inspector camera --watch ./captures --line L1 --station S1
      inspector camera --folder ./boards --url https://gateway --api-key-file station.key
    """  # noqa: D301  # \b is the character that keeps a block's lines apart
    placement = Placement(line, station, view, recipe, deadline_ms, simulated=synthetic, priority=priority)
    _check_names(placement)
    if watch is not None:
        if folder is not None or synthetic:
            raise SettingsError("give one of --folder DIR, --watch DIR and --synthetic")
        bounds = Bounds(
            outbox_mb * 1_000_000 or None,
            timedelta(hours=outbox_hours) if outbox_hours else None,
            drop_oldest=when_full is WhenFull.DROP_OLDEST,
        )
        watching.watch(watch, placement, bounds, url, api_key.find(api_key_file))
        return
    source = _source(placement, folder, glob, synthetic, seed, defective_share, clog)
    patience = Patience(timedelta(seconds=wait), timedelta(seconds=give_up))
    run = Run(
        url,
        source,
        Pace(rate, concurrency, count),
        patience,
        _keepable(keep),
        json_file,
        api_key.find(api_key_file),
    )
    tally = Tally()
    asyncio.run(_until_signal(run, tally))
    typer.echo(summary(tally, run.keep))
    if not tally.complete:
        raise typer.Exit(1)


async def post(run: Run, stop: asyncio.Event, tally: Tally) -> None:
    """Run a camera and show it, counting into `tally`. Raises SettingsError: no address, no file to write; a
    file that cannot be written any more ends the run in order first."""
    unwritten: list[str | None] = []
    with _json_lines(run.json) as answers:
        connections = run.pace.concurrency
        async with Gateway(run.url, run.patience, connections=connections, api_key=run.api_key) as gateway:

            def report(delivery: Delivery, kept: Path | None) -> None:
                display.show(delivery, kept)
                if answers and delivery.answer is not None:
                    try:
                        answers.write(json.dumps(_record(delivery)) + "\n")
                        answers.flush()
                    except OSError as error:
                        unwritten.append(error.strerror)
                        stop.set()

            with Display(tally) as display:
                await Camera(gateway, run.source, run.pace, run.keep, report, tally).run(stop)
    if unwritten:
        raise SettingsError(f"--json {run.json}: cannot be written: {unwritten[0]}")


async def _until_signal(run: Run, tally: Tally) -> None:
    """The first Ctrl-C ends in order, the second at once; what is under way is kept either way."""
    stop = asyncio.Event()
    posting = asyncio.create_task(post(run, stop, tally))

    def interrupted() -> None:
        if stop.is_set():
            posting.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted)
    with suppress(asyncio.CancelledError):  # the second signal; the tally holds what was done until then
        await posting


def _source(
    placement: Placement,
    folder: Path | None,
    glob: str | None,
    synthetic: bool,
    seed: int,
    defective_share: float | None,
    clog: int | None,
) -> Source:
    if (folder is None) is not synthetic:
        raise SettingsError("give either --folder DIR or --synthetic, or --watch DIR")
    if clog is not None and not synthetic:
        raise SettingsError("--clog is of synthetic boards: give --synthetic")
    if folder is not None:
        return FolderSource(folder, placement, pattern=glob)
    # numpy and OpenCV: only for those who ask for it.
    from inspector.camera.synthetic import SyntheticSource  # noqa: PLC0415

    return SyntheticSource(placement, seed=seed, defective_share=defective_share, clog_from=clog)


def _check_names(placement: Placement) -> None:
    """Before the first image, not once for each: the gateway would refuse them all."""
    rule = TypeAdapter(Name)
    for option in ("line", "station", "view", "recipe"):
        value = placement.parameters().get(option)
        try:
            rule.validate_python(value or "default")
        except ValidationError as error:
            raise SettingsError(f"--{option} {value!r}: must be {NAME_RULE}") from error


def _keepable(folder: Path) -> Path:
    """Told before the first image, not after the first loss."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise SettingsError(f"--keep {folder}: cannot be written; name a folder that can")
    return folder


@contextmanager
def _json_lines(path: Path | None) -> Iterator[TextIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--json {path}: cannot be written: {error.strerror}") from error
    try:
        yield file
    finally:
        with suppress(OSError):  # what could not be written was told by the write
            file.close()


def _record(delivery: Delivery) -> dict[str, object]:
    truth = delivery.shot.truth if delivery.shot else None
    source = {"source": delivery.name, **({} if truth is None else {"truth": truth})}
    return {**(delivery.answer or {}), **source}
