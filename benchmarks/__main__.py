"""`python -m benchmarks COMMAND`: a table on stdout; with --json all figures, with --picture a chart.

networks      our network beside rivals                     networks.py rounds.py table.py
engines       engines and precisions of one bundle          engines.py
cuda          a GPU, beside what its bytes allow            cuda.py cuda_line.py roofline.py
service       the whole service against the bare limit      service.py
half-load     Poisson arrivals at half of the maximum       openloop.py
overload      twice the maximum                             openloop.py, with deadlines deadlines.py
empty-model   what the service itself costs                 empty_model.py
growth        cost against bytes, pixels, findings, ...     growth.py
memory        RSS over many images                          resources.py
cold-start    until each process is ready                   resources.py
records       questions to ten million records       records*.py
stages        where one image's time goes                   stages.py profiled.py

stack.py processes.py empty_worker.py    what is measured: real processes
load.py bare.py pictures.py              what it is measured with
figures.py charts.py                     medians, ratios of paired rounds, tables, pictures
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import (
    deadlines,
    empty_model,
    engines,
    figures,
    growth,
    openloop,
    records,
    records_report,
    records_rows,
    resources,
    service,
    stages,
)
from benchmarks.bare import Options
from benchmarks.figures import warn_if_busy
from inspector.engines.cores import usable_cores
from inspector.errors import InspectorError, SettingsError
from inspector.models.bundle import Bundle, resolve
from inspector.records.database import reader

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Report = dict[str, Any]

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write all figures here.")]
Picture = Annotated[Path | None, typer.Option(help="Draw them here, as PNG or SVG.")]
Rounds = Annotated[int, typer.Option("--rounds", min=1, help="Each one interleaved.")]
Seconds = Annotated[float, typer.Option(min=0.2, help="Of each figure in a round.")]
Model = Annotated[str, typer.Option(metavar="BUNDLE", help="A bundle's folder, or default.")]
EngineName = Annotated[str, typer.Option(help="auto, openvino or torch.")]
Precision = Annotated[str, typer.Option(help="auto, f32, bf16 or int8.")]
Level = Annotated[str, typer.Option(help="Durability: D1 or D2.")]
Clients = Annotated[list[int] | None, typer.Option("--clients", min=1, help="Repeat it.")]
Levels = Annotated[list[str] | None, typer.Option("--level", help="D1 or D2; both if none is given.")]


@app.callback()
def benchmarks() -> None:
    """Speed, measured."""


@app.command("networks")
def compare_networks(
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="Our network: a bundle's folder, default, or untrained.")
    ] = "default",
    rival: Annotated[
        list[str] | None, typer.Option(metavar="NAME=FILE.xml", help="A rival's OpenVINO file. Repeat it.")
    ] = None,
    side: Annotated[int, typer.Option(min=128, help="Of the image, pixels; a multiple of 32.")] = 640,
    count: Annotated[int, typer.Option("--rounds", min=1, help="Rounds for each precision.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.05, help="For each network in a round.")] = 1.0,
    precision: Annotated[
        list[str] | None, typer.Option(help="f32, bf16 or int8; all if none is given. Repeat it.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
) -> None:
    """Images a second of our network, map included, beside rivals, in turns on the same cores.

    Under four minutes with two rivals. README.md beside this file says how a rival's file is made.

    Example: python -m benchmarks networks --rival yolo11n=yolo11n.xml --rival yolo26n=yolo26n.xml
    """
    # Here, since they bring torch along.
    from benchmarks import networks, rounds, table  # noqa: PLC0415

    if side % 32:
        raise SettingsError(f"--side {side}: our network takes multiples of 32")
    load = os.getloadavg()[0]
    _warn()
    ours, size = networks.ours(model, side)
    entries = [ours, *(networks.rival(word, side) for word in rival or [])]
    if len({entry.name for entry in entries}) < len(entries):
        raise SettingsError("two networks have the same name; name each --rival otherwise")
    report = rounds.run(entries, precision or list(rounds.PRECISIONS), count, seconds, _say)
    report = {**report, "network": size, "side": side, "load_average_before": load}
    figures.write(report, json_file)
    typer.echo(table.markdown(report))


@app.command("engines")
def compare_engines(
    kind: Annotated[
        list[str] | None,
        typer.Option("--engine", metavar="ENGINE:PRECISION", help="As openvino:int8. Repeat it."),
    ] = None,
    model: Model = "default",
    count: Rounds = 3,
    seconds: Seconds = 4.0,
    side: Annotated[int, typer.Option(min=64, help="Of the boards, pixels.")] = 640,
    json_file: JsonFile = None,
    picture: Picture = None,
) -> None:
    """Engines and precisions of one bundle, in turns: a lone image, and a stream a core. About 2 minutes."""
    words = kind or ["torch:f32", "openvino:f32", "openvino:bf16", "openvino:int8"]
    pairs = [(word.partition(":")[0], word.partition(":")[2] or "f32") for word in words]
    report = engines.run(Options([], model), pairs, count, seconds, side, _begin())
    _end(report, engines.markdown(report), json_file, picture, engines.picture)


@app.command("cuda")
def measure_cuda(
    model: Model = "default",
    device: Annotated[str, typer.Option(help="cuda, cuda:1, ...")] = "cuda",
    precision: Annotated[
        list[str] | None, typer.Option(help="f32 or bf16; both if none is given. Repeat it.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=256, help="Images in one run.")] = 32,
    processes: Annotated[int, typer.Option(min=1, help="That share the device and the cores.")] = 1,
    side: Annotated[int, typer.Option(min=64, help="Of the boards, pixels.")] = 640,
    tflops: Annotated[float, typer.Option(min=0.1, help="The device's, for the bound. An H200's.")] = 790,
    tflops_f32: Annotated[float, typer.Option(min=0.1, help="The same without its matrix units.")] = 67,
    tb_per_s: Annotated[float, typer.Option(min=0.01, help="Of its memory.")] = 4.3,
    link_gb_per_s: Annotated[float, typer.Option(min=0.1, help="To the device, and back.")] = 50,
    count: Rounds = 3,
    seconds: Seconds = 4.0,
    json_file: JsonFile = None,
) -> None:
    """A GPU: programs alone, with copies, and from JPEG to findings, beside what its bytes and operations
    allow. About 2 minutes. Without a device only what can be counted.

    Example: python -m benchmarks cuda --processes 8 --json cuda.json
    """
    # Here, since they bring torch along.
    from benchmarks import cuda, roofline  # noqa: PLC0415

    if side % 32:
        raise SettingsError(f"--side {side}: the network takes multiples of 32")
    say, bundle = _begin(), Bundle.load(resolve(model))
    peaks = roofline.Peaks(tflops, tflops_f32, tb_per_s, link_gb_per_s)
    works = cuda.counted(bundle, precision or ["f32", "bf16"], (side, side), batch)
    typer.echo(roofline.markdown(works, peaks))
    figures.write(cuda.report(works, peaks, []), json_file)
    readers = max(1, usable_cores() // processes)
    plan = cuda.Plan(model, batch, readers, processes, count, seconds, side)
    measured = []
    for name, work in works.items():
        measured.append(cuda.run(plan, device, name, say))
        figures.write(cuda.report(works, peaks, measured), json_file)
        typer.echo(f"\n{cuda.markdown(measured[-1], work, peaks)}")


@app.command("service")
def measure_service(
    model: Model = "default",
    engine: EngineName = "auto",
    precision: Precision = "int8",
    clients: Clients = None,
    level: Levels = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=PORT/PATH", help="Another server that runs here. Repeat it."),
    ] = None,
    count: Rounds = 3,
    seconds: Seconds = 8.0,
    json_file: JsonFile = None,
    picture: Picture = None,
) -> None:
    """The whole service, bytes to verdict, against the bare loop. About 5 minutes."""
    setup = service.Setup(
        Options([], model, engine, precision),
        clients or (1, 4, 16),
        level or ("D1", "D2"),
        count,
        seconds,
        rivals=[service.Rival.parse(word) for word in rival or []],
    )
    report = service.run(setup, _begin())
    _end(report, service.markdown(report), json_file, picture, service.picture)


@app.command("half-load")
def measure_half_load(
    model: Model = "default",
    engine: EngineName = "auto",
    precision: Precision = "int8",
    level: Level = "D1",
    deadline_ms: Annotated[int | None, typer.Option(min=1, help="Of each image.")] = None,
    count: Rounds = 3,
    seconds: Seconds = 20.0,
    json_file: JsonFile = None,
) -> None:
    """Poisson arrivals at half of the maximum that the same round showed. About 2.5 minutes."""
    setup = service.Setup(Options([], model, engine, precision), rounds=count, seconds=seconds)
    report = openloop.half_load(setup, level, deadline_ms, _begin())
    _end(report, openloop.half_load_markdown(report), json_file)


@app.command("overload")
def measure_overload(
    model: Model = "default",
    engine: EngineName = "auto",
    precision: Precision = "int8",
    level: Level = "D1",
    depth: Annotated[int, typer.Option(min=1, help="Images that the queue may hold.")] = 64,
    deadline_ms: Annotated[
        int | None,
        typer.Option(min=1, help="Of each image; --depth does not count then. Twice as long."),
    ] = None,
    asleep_ms: Annotated[
        float | None,
        typer.Option(min=1, help="With deadlines: no model, but so long for each image, on a busy machine."),
    ] = None,
    count: Rounds = 3,
    seconds: Seconds = 15.0,
    json_file: JsonFile = None,
) -> None:
    """Twice the maximum that the same round showed, and how it is behind it. About 2 minutes."""
    setup = service.Setup(Options([], model, engine, precision), rounds=count, seconds=seconds)
    if deadline_ms is not None:
        report = deadlines.run(setup, level, deadline_ms, asleep_ms, _begin())
        _end(report, deadlines.markdown(report), json_file)
        return
    report = openloop.overload(setup, level, depth, _begin())
    _end(report, openloop.overload_markdown(report), json_file)


@app.command("empty-model")
def measure_empty_model(
    clients: Clients = None,
    level: Levels = None,
    size: Annotated[int, typer.Option(min=500, help="Bytes of a body.")] = 100_000,
    count: Rounds = 3,
    seconds: Seconds = 8.0,
    json_file: JsonFile = None,
    picture: Picture = None,
) -> None:
    """CPU an image by process, and images a second, with an engine that answers at once. About 1.5
    minutes."""
    report = empty_model.run(clients or (1, 16), level or ("D1", "D2"), count, seconds, size, _begin())
    _end(report, empty_model.markdown(report), json_file, picture, empty_model.picture)


@app.command("growth")
def measure_growth(
    what: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(growth.LINES)}; all if none is given. Repeat it.")
    ] = None,
    seconds: Seconds = 4.0,
    json_file: JsonFile = None,
    picture: Picture = None,
) -> None:
    """Cost against bytes, pixels, findings, depth and clients. About 6 minutes in all; writes 10 GB and drops
    them."""
    for name in what or []:
        if name not in growth.LINES:
            raise SettingsError(f"--what {name}: not one of {', '.join(growth.LINES)}")
    report = growth.run(what or list(growth.LINES), seconds, _begin())
    _end(report, growth.markdown(report), json_file, picture, growth.picture)


@app.command("memory")
def measure_memory(
    images: Annotated[int, typer.Option(min=1)] = 100_000,
    engine: Annotated[str, typer.Option(help="empty or real.")] = "empty",
    size: Annotated[int, typer.Option(min=500, help="Bytes of a body, for the empty engine.")] = 30_000,
    json_file: JsonFile = None,
) -> None:
    """RSS every 10,000 images. 1 to 2 minutes for 100,000 with the empty engine; the real one takes 25."""
    report = resources.memory(images, engine, size, _begin())
    _end(report, resources.memory_markdown(report), json_file)


@app.command("cold-start")
def measure_cold_start(count: Rounds = 5, json_file: JsonFile = None) -> None:
    """Until server, gateway, worker and `inspector up` are ready. About 1 minute."""
    report = resources.cold_start(count, _begin())
    _end(report, resources.cold_start_markdown(report), json_file)


@app.command("stages")
def measure_stages(
    engine: Annotated[str, typer.Option(help="empty or real.")] = "real",
    clients: Annotated[int, typer.Option(min=1)] = 1,
    size: Annotated[int, typer.Option(min=500, help="Bytes of a body, for the empty engine.")] = 100_000,
    seconds: Seconds = 8.0,
    json_file: JsonFile = None,
    picture: Picture = None,
) -> None:
    """Where one image's time goes, by the clock, and CPU by a sampling profiler. About half a minute."""
    report = stages.run(engine, clients, seconds, size, _begin())
    _end(report, stages.markdown(report), json_file, picture, stages.picture)


@app.command("records")
def ask_records(
    database_url: Annotated[
        str, typer.Option(metavar="URL", help="postgresql://...: an empty database, or one made by this.")
    ],
    rows: Annotated[int, typer.Option(min=1000, help="Inspections that an empty one gets.")] = 10_000_000,
    runs: Annotated[int, typer.Option(min=1, help="Times that each question is asked.")] = 7,
    plans: Annotated[Path | None, typer.Option(help="Write the plans here, as Markdown.")] = None,
) -> None:
    """Milliseconds for a page of each documented filter, and for the statistics of a shift, on PostgreSQL.

    The database makes the rows itself: about 10 minutes and 8 GB for ten million; they stay for another run.

    Example: python -m benchmarks records --database-url postgresql://me@127.0.0.1/bench --plans plans.md
    """
    maker = records_rows.opened(database_url)
    there = records.rows_in(maker)
    if not there:
        records_rows.fill(maker, rows, lambda line: typer.echo(line, err=True))
    maker.dispose()
    engine = reader(database_url, records.ENOUGH)
    answers = []
    for question in records.questions(there or rows):
        typer.echo(f"{question.kind}: {question.name}", err=True)
        answers.append(records.ask(engine, question, runs))
    engine.dispose()
    typer.echo(records_report.table(answers))
    if plans:
        plans.write_text(records_report.plans(answers) + "\n", encoding="utf-8")


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _warn() -> None:
    warning = warn_if_busy()
    if warning:
        _say(warning)


def _begin() -> Callable[[str], None]:
    _warn()
    return _say


def _end(
    report: Report,
    markdown: str,
    json_file: Path | None,
    picture: Path | None = None,
    draw: Callable[[Report, Path], None] | None = None,
) -> None:
    figures.write(report, json_file)
    if picture is not None and draw is not None:
        draw(report, picture)
    typer.echo(markdown)


def main() -> None:
    try:
        app()
    except InspectorError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
