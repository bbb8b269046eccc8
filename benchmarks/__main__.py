"""`python -m benchmarks networks [--rival NAME=FILE.xml]...`"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import networks, rounds, table
from inspector.errors import InspectorError, SettingsError

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


def main() -> None:
    try:
        app()
    except InspectorError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
