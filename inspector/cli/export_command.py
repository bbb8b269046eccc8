"""`inspector export`: a bundle's weights exported again, measured in every precision, with INT8 if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from inspector.cli.recipes import recipe_for
from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.errors import DataError, SettingsError
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle, resolve
from inspector.training.export import export_again
from inspector.training.parity import spread
from inspector.training.precisions import Measured, measure


def export(
    data: Annotated[
        list[str],
        typer.Option(metavar="SPEC", help=f"What it was trained on: {sources.FORMATS}. Repeatable."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new bundle; it must not exist.")],
    model: Annotated[
        str, typer.Option(metavar="BUNDLE", help="A bundle's folder, or default for the shipped one.")
    ] = "default",
    int8: Annotated[bool, typer.Option("--int8", help="Quantise it too.")] = False,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judges the verdicts; the shipped default if none.")
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="Held back by hand in training: not the val part. Repeat it."),
    ] = None,
) -> None:
    """Export a bundle again, and measure f32, bf16 and INT8 on validation images.

    f32 must say what torch says. INT8 is quantised on the train part and goes into the bundle only if it
    loses at most 0.5 points of mAP50-95; the exit code is 1 if it does not. The test part is never opened.
    The groups that the bundle's training held back are held back here too.

    Example: inspector export --model runs/parts/bundle --data coco:parts.json --out parts-int8 --int8
    """
    if out.exists():
        raise SettingsError(f"--out {out}: it exists already; name a new folder")
    bundle = Bundle.load(resolve(model))
    rules = recipe_for(bundle, recipe)
    training, held_back = _read(data, validation or _groups_of(bundle))
    if strange := sorted(set(training.classes) - set(bundle.manifest.classes)):
        raise DataError(f"the model does not know {strange[0]!r}: give the data that it was trained on")
    out.parent.mkdir(parents=True, exist_ok=True)
    measured = measured_in_every_precision(
        export_again(bundle, out), training if int8 else None, held_back, rules
    )
    typer.echo(f"bundle {measured.bundle.folder}")
    if int8 and not measured.int8_shipped:
        raise typer.Exit(1)


def _read(data: list[str], groups: list[str]) -> tuple[Dataset, Dataset]:
    """(train, val): by group where the data has the groups, else by its parts."""
    divided = sources.load(data)
    both = sources.without_empty_boxes(divided.of("trainval"))
    known = {sample.group for sample in both.samples}
    if groups and set(groups) <= known:
        held = {sample.name for sample in both.samples if sample.group in groups}
    else:
        held = {name for name, part in divided.parts.items() if part == "val"}
    training, held_back = both.where(lambda s: s.name not in held), both.where(lambda s: s.name in held)
    if not training.samples or not held_back.samples:
        raise DataError(f"{len(training)} images to calibrate on and {len(held_back)} held back: both needed")
    return training, held_back


def _groups_of(bundle: Bundle) -> list[str]:
    groups: list[str] = bundle.manifest.training.get("validation_groups", [])
    return groups


def measured_in_every_precision(
    bundle: Bundle, training: Dataset | None, held_back: Dataset, recipe: Recipe
) -> Measured:
    """`training.precisions.measure` with a bar on stderr and what it found on stdout."""
    columns = TextColumn("precisions"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        # Three boards of each image that can be healed.
        asked = spread(held_back)
        healed = sum(1 for sample in asked.samples if sample.template and len(sample.boxes))
        task = bar.add_task("precisions", total=len(asked) + 2 * healed)
        measured = measure(bundle, training, held_back, recipe, lambda done: bar.advance(task, done))
    for line in measured.lines:
        typer.echo(line)
    return measured
