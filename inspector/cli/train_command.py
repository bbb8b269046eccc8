"""`inspector train`: from a data set to a bundle and a recipe with thresholds."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.data.split import by_group
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import EngineUnavailable, SettingsError
from inspector.models.bundle import Bundle, amend_training
from inspector.models.detector import Detector
from inspector.training import loop
from inspector.training.config import TrainConfig
from inspector.training.export import export
from inspector.training.recipe_file import write_recipe
from inspector.training.validate import Validation, validate

VALIDATION_SHARE = 0.15
"""Of the training images, whole boards: enough to choose thresholds on, little enough to spare."""


def train(
    data: Annotated[str, typer.Option(help="Data set as FORMAT:PATH; deeppcb:DIR, DIR holding PCBData.")],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, bundle/, recipe.toml.")],
    name: Annotated[str, typer.Option(help="Name of the model, as results will show it.")] = "pcb",
    attention: Annotated[Literal["cbam", "se", "none"], typer.Option(help="Attention in the neck.")] = "cbam",
    reduction: Annotated[int, typer.Option(min=1, help="Reduction ratio of the channel gate.")] = 16,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Train for this long. Default: 60.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Or for so many epochs: repeatable.")] = None,
    synthetic: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of synthetic boards among the training images.")
    ] = 0.0,
    validation: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP", help="Hold back this group for validation; repeat it. Default: 15 %."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and --epochs give the same weights (CPU).")] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes CUDA if it is there.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
) -> None:
    """Train a detector and seal it as a bundle.

    Boards held back by group choose the recipe's thresholds; the data's test split is never opened. Kill it
    at any moment: --resume goes on from the last checkpoint, at most three minutes back.

    Example: inspector train --data deeppcb:../data/deeppcb --out runs/pcb --minutes 60
    """
    if minutes is not None and epochs is not None:
        raise SettingsError("give --minutes or --epochs, not both")
    config = TrainConfig(
        name=name,
        attention=attention,
        reduction=reduction,
        seed=seed,
        minutes=None if epochs else (minutes or 60.0),
        epochs=epochs,
        synthetic_share=synthetic,
    )
    console = Console(stderr=True)
    training, held_back = _split(sources.read(data, "trainval"), validation, seed)
    console.print(
        f"{len(training)} images to train on, {len(held_back)} held back: {', '.join(_groups(held_back))}"
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    run = loop.Run(config, training, out, device=_device(device))
    if resume:
        run.resume()
    network = _trained(run, console)
    bundle = _sealed(network, run, training.classes, _facts(data, run, training, held_back))
    validated = _validated(bundle, held_back, console)
    if validated is not None:
        bundle = amend_training(bundle, {"validation": validated.figures})
    write_recipe(out / "recipe.toml", validated)
    typer.echo(f"bundle {bundle.folder}\nrecipe {out / 'recipe.toml'}")
    typer.echo(f"try it: inspector inspect IMAGE --model {bundle.folder} --recipe {out / 'recipe.toml'}")


def _split(data: Dataset, validation: list[str] | None, seed: int) -> tuple[Dataset, Dataset]:
    if not validation:
        return by_group(data, VALIDATION_SHARE, seed)
    for name in validation:
        if name not in _groups(data):
            raise SettingsError(f"--validation {name}: the data's groups are {', '.join(_groups(data))}")
    return data.where(lambda s: s.group not in validation), data.where(lambda s: s.group in validation)


def _trained(run: loop.Run, console: Console) -> Detector:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %"))
    with Progress(*columns, TextColumn("{task.fields[left]}"), console=console) as bar:
        task = bar.add_task("training", total=1.0, left="")

        def report(progress: loop.Progress) -> None:
            losses = " ".join(f"{name} {value:.3f}" for name, value in progress.losses.items())
            left = f"{progress.seconds_left / 60:.0f} min left"
            bar.update(task, completed=progress.done, left=left)
            bar.console.print(f"step {progress.step}: {losses}; {left}", highlight=False)

        return run.train(report)


def _validated(bundle: Bundle, held_back: Dataset, console: Console) -> Validation | None:
    engine = choose(bundle, "openvino", "cpu")
    with Progress(
        TextColumn("validation"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        task: TaskID = bar.add_task("validation", total=3 * len(held_back))
        return validate(Pipeline(bundle, engine), held_back, lambda n: bar.advance(task, n))


def _sealed(network: Detector, run: loop.Run, classes: tuple[str, ...], facts: dict[str, Any]) -> Bundle:
    side = run.config.final_size
    return export(
        network,
        run.folder / "bundle",
        architecture=run.architecture,
        classes=classes,
        name=run.config.name,
        version=datetime.now(UTC).strftime("%Y.%m.%d"),
        nominal=(side, side),
        training=facts,
    )


def _facts(data: str, run: loop.Run, training: Dataset, held_back: Dataset) -> dict[str, Any]:
    # The format only: a path says where it lay on one machine, and nothing about the model.
    return {
        "data": data.partition(":")[0],
        "images": len(training),
        "validation_images": len(held_back),
        "validation_groups": _groups(held_back),
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "config": run.config.model_dump(),
    }


def _groups(data: Dataset) -> list[str]:
    return sorted({sample.group for sample in data.samples})


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable("--device cuda: this machine has no CUDA device that torch can use")
    return wanted
