"""`python -m benchmarks networks [--rival NAME=FILE.xml]...`, `... records --database-url URL`"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import networks, records, records_report, records_rows, rounds, table
from inspector.errors import InspectorError, SettingsError
from inspector.records.database import reader

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

QUIET = 0.5
"""Load average above which other work disturbs the figures."""


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
    if side % 32:
        raise SettingsError(f"--side {side}: our network takes multiples of 32")
    load = os.getloadavg()[0]
    if load > QUIET:
        typer.echo(
            f"warning: this machine is busy (load average {load:.1f}): the figures will be off", err=True
        )
    ours, size = networks.ours(model, side)
    entries = [ours, *(networks.rival(word, side) for word in rival or [])]
    if len({entry.name for entry in entries}) < len(entries):
        raise SettingsError("two networks have the same name; name each --rival otherwise")
    report = rounds.run(
        entries, precision or list(rounds.PRECISIONS), count, seconds, lambda line: typer.echo(line, err=True)
    )
    report = {**report, "network": size, "side": side, "load_average_before": load}
    if json_file:
        json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    typer.echo(table.markdown(report))


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


def main() -> None:
    try:
        app()
    except InspectorError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
