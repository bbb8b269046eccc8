"""`inspector evaluate`: measure a model on a data set, or a running service by its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from inspector.cli.measuring import between, percent, thinned, with_progress
from inspector.cli.recipes import read_or_default, recipe_for
from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import RecipeError, SettingsError
from inspector.evaluation import headline
from inspector.evaluation.evaluate import Evaluation, measure, measure_answers
from inspector.evaluation.page.write import write_report
from inspector.evaluation.report import Report
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle, resolve


def evaluate(
    data: Annotated[
        list[str], typer.Option(metavar="SPEC", help=f"{sources.FORMATS}. Repeat it: classes join by name.")
    ],
    model: Annotated[
        str, typer.Option(help="A bundle's folder, or default for the shipped one.")
    ] = "default",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file; the shipped default if none.")] = None,
    split: Annotated[sources.Split, typer.Option(help="Which part of the data.")] = "test",
    engine: Annotated[str, typer.Option(help="auto, openvino or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16 or int8.")] = "auto",
    answers: Annotated[
        Path | None, typer.Option(help="Measure these answers (of `inspector camera --json`), not a model.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a page with curves and pictures into this folder."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")] = None,
) -> None:
    """Measure a model: boxes, verdicts and attention map, on images whose truth is known.

    The parts of the data are those of `inspector train`. Good images are those without a box, and healed
    boards where the data has templates.

    Example: inspector evaluate --data deeppcb:../shared/data/deeppcb --json figures.json --report seen/
    """
    _check_folders(json_file, report)
    dataset, unseen = _read(data, split)
    dataset = thinned(dataset, limit)
    if answers:
        rules = read_or_default(recipe)
        if unknown := sorted(set(rules.thresholds.classes) - set(dataset.classes)):
            raise RecipeError(
                f"recipe {rules.id!r} names {unknown[0]!r}, which the data lacks: give --recipe"
            )
        evaluation = measure_answers(answers, dataset, rules, unseen=unseen)
    else:
        bundle = Bundle.load(resolve(model))
        rules = recipe_for(bundle, recipe)
        opened = choose(bundle, engine, device, precision=precision)
        evaluation = _asked(Pipeline(bundle, opened), dataset, rules, unseen)
    title = f"{', '.join(data)}, {split}"
    _show(evaluation.report, title)
    if json_file:
        _write(json_file, evaluation.report)
    if report:
        # On a page that is passed on, where the data lay on this machine says nothing.
        kinds = ", ".join(dict.fromkeys(spec.partition(":")[0] for spec in data))
        typer.echo(f"report {write_report(report, evaluation, data=f'{kinds}, {split} part')}")


def _check_folders(json_file: Path | None, report: Path | None) -> None:
    """Before minutes of work, not after."""
    if json_file and not json_file.parent.is_dir():
        raise SettingsError(f"--json {json_file}: its folder does not exist")
    if report and report.exists() and not report.is_dir():
        raise SettingsError(f"--report {report}: is a file, not a folder")


def _read(specs: list[str], split: sources.Split) -> tuple[Dataset, frozenset[str]]:
    """The data set, and which of its groups the training part never shows."""
    divided = sources.load(specs)
    dataset = sources.without_empty_boxes(divided.of(split))
    groups = {sample.group for sample in dataset.samples} - {""}
    # Val is shown too: thresholds are chosen on it.
    shown = {sample.group for sample in divided.data.samples if divided.parts.get(sample.name) != "test"}
    return dataset, frozenset(groups - shown)


def _asked(pipeline: Pipeline, dataset: Dataset, recipe: Recipe, unseen: frozenset[str]) -> Evaluation:
    return with_progress(
        "evaluating",
        dataset,
        lambda done: measure(pipeline, dataset, recipe, unseen=unseen, progress=done),
    )


def _write(path: Path, report: Report) -> None:
    try:
        path.write_text(json.dumps(report.model_dump(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--json {path}: cannot be written: {error.strerror}") from error


def _show(report: Report, title: str) -> None:
    table = Table("figure", title=title, title_justify="left")
    for name in ("value", "95 % interval", "count"):
        table.add_column(name, justify="right")
    for line in headline.lines(report):
        table.add_row(line.name, percent(line.value), between(line.interval), line.counted)
    console = Console()
    console.print(table)
    console.print(
        f"{report.images} images, {headline.counted(report)}, {report.seconds:.0f} s; "
        f"recipe {report.recipe}; model {report.model.name} {report.model.version}",
        highlight=False,
    )
    console.print(headline.method(report), highlight=False, soft_wrap=True)
