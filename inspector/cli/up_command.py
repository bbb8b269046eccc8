"""`inspector up`: the whole stack on one machine, in the foreground."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

import inspector
from inspector.access import key_file
from inspector.camera import api_key
from inspector.camera.camera import Pace
from inspector.camera.client import Patience
from inspector.camera.shot import Placement
from inspector.camera.tally import Tally
from inspector.cli.stack.datadir import DataDir
from inspector.cli.stack.first import first
from inspector.cli.stack.plan import Options, Plan, plan
from inspector.cli.stack.supervisor import Supervisor
from inspector.decision.recipes import SHIPPED as SHIPPED_RECIPES
from inspector.decision.recipes import RecipeBook
from inspector.errors import RecipeError, SettingsError
from inspector.models.bundle import OPENVINO_INT8_XML, Bundle, resolve
from inspector.plant import plant_toml
from inspector.queue import connect
from inspector.queue.base import Durability
from inspector.queue.primary import without_password
from inspector.records import database


class Engine(StrEnum):
    AUTO = "auto"
    OPENVINO = "openvino"
    TORCH = "torch"


class Precision(StrEnum):
    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"
    INT8 = "int8"


class Device(StrEnum):
    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True)
class Demo:
    """Synthetic boards that are posted to the stack."""

    count: int | None
    """None: until it is stopped."""
    rate: float
    """Boards a second."""
    clog: int | None
    """The board from which on a nozzle is clogged; None: never."""


def up(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of API and page; 0: a free one.")] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0: all.")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(min=0, max=64, help="Worker processes.")] = 1,
    model: Annotated[str, typer.Option(help="Bundle folder; default: the shipped one.")] = "default",
    recipes: Annotated[Path | None, typer.Option(help="Folder of recipes; default: the shipped one.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Images, results and logs live here.")] = Path("var"),
    keys_file: Annotated[
        Path | None,
        typer.Option(
            envvar="INSPECTOR_KEYS_FILE", help="API keys (`inspector keys`); needed beyond loopback."
        ),
    ] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="Use this Redis or Valkey instead of the embedded server.")
    ] = None,
    durability: Annotated[
        Durability,
        typer.Option(
            envvar="INSPECTOR_DURABILITY",
            help="What an accepted image outlives: D1 a kill, D2 a power cut, D3 the primary.",
        ),
    ] = Durability.D2,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="INSPECTOR_DATABASE_URL",
            help="Where results are recorded, as postgresql://USER:PASSWORD@HOST/NAME; default: SQLite in "
            "DATA_DIR.",
        ),
    ] = None,
    records: Annotated[
        bool, typer.Option("--records/--no-records", help="Record results, and keep images of defects.")
    ] = True,
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings",
            envvar="INSPECTOR_SETTINGS_FILE",
            help="inspector.toml: lines, stations, shifts, which images are kept.",
        ),
    ] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the network.")] = Engine.AUTO,
    device: Annotated[Device, typer.Option(help="What it runs on.")] = Device.AUTO,
    precision: Annotated[Precision, typer.Option(help="Of the network's numbers.")] = Precision.AUTO,
    lines: Annotated[
        str | None,
        typer.Option(
            help="Lines that metrics name, as L1,L2; others: `other`. Default: those of --settings."
        ),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Also post synthetic boards to it.")] = False,
    count: Annotated[
        int | None, typer.Option(min=1, help="With --demo: post so many, print a summary, and stop.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0, help="With --demo: boards a second.")] = 5.0,
    clog: Annotated[
        int | None,
        typer.Option(
            min=0, help="With --demo: one product, and from this board on a nozzle is clogged at one place."
        ),
    ] = None,
) -> None:
    """Run the whole stack on this machine: an embedded Valkey server, the gateway, the workers, the archiver.

    Waits until everything is ready and says where it is. A process that dies is started again. Ctrl-C (or
    SIGTERM) stops all in order; images that were accepted are finished at the next start. A second Ctrl-C
    stops at once. The processes log to DATA_DIR/log.

    \b
    Examples:
      inspector up
      inspector up --port 8080 --workers 2 --lines L1,L2 --data-dir /srv/inspector
      inspector up --host 0.0.0.0 --keys-file keys.json
      inspector up --settings inspector.toml --database-url postgresql://inspector:secret@db/records
      inspector up --demo --count 50
      inspector up --demo --clog 300
    """  # noqa: D301  # \b is the character that keeps a block's lines apart
    settings = {
        **_plant(settings_file, lines),
        "INSPECTOR_ENGINE": engine.value,
        "INSPECTOR_DEVICE": device.value,
        "INSPECTOR_PRECISION": precision.value,
        **_model_and_recipes(model, recipes, precision),
        **_keys(keys_file, demo=demo or count is not None or clog is not None),
        "INSPECTOR_DURABILITY": durability.value,
    }
    if database_url is not None:
        database.url_of(database_url)
    options = Options(data_dir, host, port, workers, redis_url, durability, records, database_url, settings)
    boards = Demo(count, rate, clog) if demo or count is not None or clog is not None else None
    try:
        raise typer.Exit(asyncio.run(_run(options, boards)))
    except OSError as error:  # a full disk, at the latest
        raise SettingsError(f"{error.filename or data_dir}: cannot be written: {error.strerror}") from error


def _model_and_recipes(model: str, recipes: Path | None, precision: Precision) -> dict[str, str]:
    """Both checked, and against each other: what does not fit is told here, not by every image that fails."""
    bundle = Bundle.load(resolve(model).absolute())
    if precision is Precision.INT8:
        bundle.path(OPENVINO_INT8_XML)
    folder = (recipes or SHIPPED_RECIPES).absolute()
    for recipe in RecipeBook.read(folder).values():
        try:
            bundle.check(recipe)
        except RecipeError as error:
            raise RecipeError(f"{folder}: {error}; give --recipes DIR with recipes for this model") from error
    return {"INSPECTOR_MODEL": str(bundle.folder), "INSPECTOR_RECIPES_DIR": str(folder)}


def _plant(file: Path | None, lines: str | None) -> dict[str, str]:
    """The file is checked here as well, so that it is told before anything is started."""
    plant = plant_toml.read(file)
    named = lines or ",".join(plant.lines) or "default"
    return {"INSPECTOR_LINES": named, **({"INSPECTOR_SETTINGS_FILE": str(file.absolute())} if file else {})}


def _keys(file: Path | None, *, demo: bool) -> dict[str, str]:
    """Checked here as well as by the gateway, so that it is told before anything is started."""
    if file is None:
        return {}
    key_file.read(file)
    if demo and api_key.find(None) is None:
        raise SettingsError(f"--demo posts boards, and with {file} it needs a key: set {api_key.VARIABLE}")
    return {"INSPECTOR_KEYS_FILE": str(file.absolute())}


async def _run(options: Options, demo: Demo | None) -> int:
    """The exit code: 0, or 1 when the demo lost something. Raises SettingsError when it cannot start."""
    began = time.monotonic()
    if options.redis_url is not None:
        await _answering(options.redis_url)
    data = DataDir(options.data_dir)
    data.open()
    try:
        stack = plan(options, data)
        supervisor = Supervisor(stack.steps, typer.echo, lambda: data.write_state(stack.facts()))
        stop = _on_signals(supervisor)
        typer.echo(f"inspector {inspector.__version__} starts; its logs are in {data.log}")
        try:
            await first(supervisor.start(), stop.wait())
            if stop.is_set():
                return 0
            supervisor.watch()
            data.write_state(stack.facts())
            typer.echo(_where(stack, time.monotonic() - began))
            return await _serve(supervisor, stack, stop, demo)
        finally:
            typer.echo("stopping ...")
            await supervisor.stop()
            typer.echo("stopped")
    finally:
        data.close()


async def _answering(redis_url: str) -> None:
    """Raises QueueUnavailable or SettingsError."""
    admin = connect.admin(redis_url)
    try:
        await admin.ping()
    finally:
        await admin.aclose()


def _on_signals(supervisor: Supervisor) -> asyncio.Event:
    """Set by the first signal; the second one kills."""
    stop = asyncio.Event()

    def arrived() -> None:
        if stop.is_set():
            supervisor.kill()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, arrived)
    return stop


async def _serve(supervisor: Supervisor, stack: Plan, stop: asyncio.Event, demo: Demo | None) -> int:
    if demo is None:
        await first(stop.wait(), supervisor.failed())
        return 0
    tally = Tally()
    await first(_post_boards(stack, stop, demo, tally), supervisor.failed())
    return 0 if tally.complete or demo.count is None else 1


async def _post_boards(stack: Plan, stop: asyncio.Event, demo: Demo, tally: Tally) -> None:
    # numpy and OpenCV: only for the demo.
    from inspector.camera.synthetic import SyntheticSource  # noqa: PLC0415
    from inspector.cli.camera_command import Run, post  # noqa: PLC0415
    from inspector.cli.camera_display import summary  # noqa: PLC0415

    source = SyntheticSource(Placement(station="demo", simulated=True), clog_from=demo.clog)
    patience = Patience(give_up=timedelta(seconds=60))
    keep = stack.data.path / "undelivered"
    run = Run(
        stack.url, source, Pace(demo.rate, count=demo.count), patience, keep, api_key=api_key.find(None)
    )
    await post(run, stop, tally)
    typer.echo(summary(tally, keep))


def _where(stack: Plan, took_s: float) -> str:
    rows = {
        "page": f"{stack.url}/",
        "API docs": f"{stack.url}/docs",
        **{f"metrics of {name}": url for name, url in stack.metrics.items()},
        "Redis": without_password(stack.redis_url),
        "data": str(stack.data.path),
    }
    width = max(map(len, rows))
    places = "\n".join(f"  {name:<{width}}  {place}" for name, place in rows.items())
    hint = f"Post images:  inspector camera --url {stack.url} --synthetic\nStop:         Ctrl-C"
    return f"ready in {took_s:.1f} s\n{places}\n{hint}"
