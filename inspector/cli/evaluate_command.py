"""`inspector evaluate`: measure a model on a data set, or a running service by its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from inspector.cli.recipes import read_or_default, recipe_for
from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import RecipeError, SettingsError
from inspector.evaluation.evaluate import evaluate as evaluate_model
from inspector.evaluation.evaluate import evaluate_answers
from inspector.evaluation.metrics import Rate
from inspector.evaluation.report import Report, Scores
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle, resolve


def evaluate(
    data: Annotated[str, typer.Option(metavar="SPEC", help=sources.FORMATS + ".")],
    model: Annotated[
        str, typer.Option(help="A bundle's folder, or default for the shipped one.")
    ] = "default",
    recipe: Annotated[Path | None, typer.Option(help="A recipe file; the shipped default if none.")] = None,
    split: Annotated[sources.Split, typer.Option(help="Which part of the data.")] = "test",
    engine: Annotated[str, typer.Option(help="auto, openvino or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    answers: Annotated[
        Path | None, typer.Option(help="Measure these answers (of `inspector camera --json`), not a model.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")] = None,
) -> None:
    """Measure a model: boxes, verdicts and attention map, on images whose truth is known.

    The parts of the data are those of `inspector train`. Good images are those without a box, and healed
    boards where the data has templates.

    Example: inspector evaluate --data deeppcb:../shared/data/deeppcb --json figures.json
    """
    dataset, unseen = _read(data, split)
    dataset = _thinned(dataset, limit)
    if answers:
        rules = read_or_default(recipe)
        if unknown := sorted(set(rules.thresholds.classes) - set(dataset.classes)):
            raise RecipeError(
                f"recipe {rules.id!r} names {unknown[0]!r}, which the data lacks: give --recipe"
            )
        report = evaluate_answers(answers, dataset, rules, unseen=unseen)
    else:
        bundle = Bundle.load(resolve(model))
        rules = recipe_for(bundle, recipe)
        report = _with_progress(Pipeline(bundle, choose(bundle, engine, device)), dataset, rules, unseen)
    if json_file:
        _write(json_file, report)
    _show(report, f"{data}, {split}")


def _read(spec: str, split: sources.Split) -> tuple[Dataset, frozenset[str]]:
    """The data set, and which of its groups the training part never shows."""
    divided = sources.load(spec)
    dataset = sources.without_empty_boxes(divided.of(split))
    groups = {sample.group for sample in dataset.samples} - {""}
    # Val is shown too: thresholds are chosen on it.
    shown = {sample.group for sample in divided.data.samples if divided.parts.get(sample.name) != "test"}
    return dataset, frozenset(groups - shown)


def _thinned(dataset: Dataset, limit: int | None) -> Dataset:
    """Spread over the whole listing, which goes board by board."""
    if limit is None or limit >= len(dataset):
        return dataset
    chosen = [dataset.samples[index * len(dataset) // limit] for index in range(limit)]
    return Dataset(dataset.classes, tuple(chosen))


def _with_progress(pipeline: Pipeline, dataset: Dataset, recipe: Recipe, unseen: frozenset[str]) -> Report:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        # A defective image that can be healed comes four times: as it is, and as three boards.
        healed = sum(1 for sample in dataset.samples if sample.template and len(sample.boxes))
        task = bar.add_task("evaluating", total=len(dataset) + 3 * healed)
        return evaluate_model(
            pipeline, dataset, recipe, unseen=unseen, progress=lambda done: bar.advance(task, done)
        )


def _write(path: Path, report: Report) -> None:
    try:
        path.write_text(json.dumps(report.model_dump(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--json {path}: cannot be written: {error.strerror}") from error


def _show(report: Report, title: str) -> None:
    table = Table("figure", "value", "95 % interval", "count", title=title, title_justify="left")
    for name, value in _plain_rows(report):
        table.add_row(name, _percent(value))
    for name, rate in _rate_rows(report):
        if rate is not None:
            interval = f"{_percent(rate.low)} - {_percent(rate.high)}"
            table.add_row(name, _percent(rate.value), interval, f"{rate.count} of {rate.of}")
    console = Console()
    console.print(table)
    console.print(
        f"{report.images} images, {report.defects} defects, {report.seconds:.0f} s; recipe {report.recipe}; "
        f"model {report.model.name} {report.model.version}"
    )


def _plain_rows(report: Report) -> list[tuple[str, float | None]]:
    rows = _box_rows("", report)
    for name, part in (("unseen boards: ", report.unseen), ("seen boards: ", report.seen)):
        rows += _box_rows(name, part)[:2] if part else []
    rows += [(f"mAP50 of {name}", scores.map50) for name, scores in report.per_class.items()]
    if report.image:
        rows += [("image AUROC", report.image.auroc), ("image AP", report.image.ap)]
        rows += [("image AUROC by findings", report.image.auroc_findings)]
    if report.attention:
        names = ("energy", "pointing", "peak_recall", "quiet_max")
        rows += [(f"attention {name}", getattr(report.attention, name)) for name in names]
    return rows


def _box_rows(prefix: str, scores: Scores) -> list[tuple[str, float | None]]:
    rows = [(f"{prefix}mAP50", scores.map50), (f"{prefix}mAP50-95", scores.map50_95)]
    if scores.deeppcb:
        own = scores.deeppcb
        rows += [("DeepPCB AP, micro", own.ap_micro), ("DeepPCB AP, class mean", own.ap_class_mean)]
        rows += [("DeepPCB F at the thresholds", own.f)]
    return rows


def _rate_rows(report: Report) -> list[tuple[str, Rate | None]]:
    rows: list[tuple[str, Rate | None]] = [("escapes per defect", report.escape_per_defect)]
    if report.classes:
        rows += [("images whose class was told", report.classes.accuracy)]
        rows += [(f"... of {name}", rate) for name, rate in report.classes.per_class.items()]
    if report.image:
        image = report.image
        rows += [
            ("escapes, defective boards judged OK", image.escape_rate),
            ("... not judged NG", image.escape_rate_ng),
            ("escapes, single-defect boards judged OK", image.escape_rate_single),
            ("... not judged NG", image.escape_rate_single_ng),
            ("overkill, good boards not judged OK", image.overkill_rate),
            ("... judged NG", image.overkill_rate_ng),
        ]
    return rows


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
