"""`inspector dataset`: look at a data set before training on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from inspector.data import sources
from inspector.data.check import Problem, Report
from inspector.data.check import check as check_data
from inspector.errors import SettingsError

dataset = typer.Typer(
    help="Look at a data set before training on it.\n\nExample: inspector dataset check coco:parts.json",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@dataset.callback()
def group() -> None:
    """Makes `check` a command of its own even while it is the only one."""


@dataset.command()
def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help=sources.FORMATS + ".")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all of it here.")] = None,
) -> None:
    """Count what a data set holds, and find what would spoil a training.

    Unreadable images, the same image in two parts, empty, tiny and odd boxes, classes that training never
    sees, and file formats or sizes that give the label away. The exit code is 1 when something would spoil
    training or its figures.

    Example: inspector dataset check masks:../data/magnetic-tile --json check.json
    """
    divided = sources.load(specs)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("looking", total=len(divided.data))
        report = check_data(divided, lambda done: bar.advance(task, done))
    if json_file:
        _write(json_file, report)
    _show(report, ", ".join(specs))
    if report.spoilt:
        raise typer.Exit(1)


def _write(path: Path, report: Report) -> None:
    try:
        path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--json {path}: cannot be written: {error.strerror}") from error


def _show(report: Report, title: str) -> None:
    console = Console()
    columns = [part or "(no part)" for part in report.parts]
    table = Table("", *columns, title=title, title_justify="left")
    counts = list(report.parts.values())
    table.add_row("images", *(str(count.images) for count in counts))
    table.add_row("good", *(str(count.good) for count in counts))
    for what, by_class in (
        ("boxes", [count.boxes for count in counts]),
        ("images, no box,", [count.labelled for count in counts]),
    ):
        for name in (name for name in by_class[0] if any(own[name] for own in by_class)):
            table.add_row(f"{what} of {name}", *(str(own[name]) for own in by_class))
    console.print(table)
    console.print(f"parts: {report.divided_by}", markup=False, highlight=False, soft_wrap=True)
    if report.sizes:
        console.print(_facts(report), highlight=False, soft_wrap=True)
    for problem in report.problems:
        console.print(_line(problem), markup=False, highlight=False, soft_wrap=True)
    if not report.problems:
        console.print("nothing is wrong")


def _facts(report: Report) -> str:
    sizes = report.sizes
    formats = "; ".join(f"{count} {name}" for name, count in report.formats.items())
    if sizes is None:
        return formats
    (narrow, wide), (low, high) = sizes.width, sizes.height
    return f"width {narrow}-{wide} px, height {low}-{high} px, {sizes.distinct} sizes; {formats}"


def _line(problem: Problem) -> str:
    level = "WRONG" if problem.spoils else "look"
    more = (
        f"; ... ({problem.count - len(problem.examples)} more)"
        if problem.count > len(problem.examples)
        else ""
    )
    return f"{level}: {problem.message} ({problem.count}): {'; '.join(problem.examples)}{more}"
