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
from inspector.data.survey import channels_of, largest_side
from inspector.data.synthetic import CLASSES as SYNTHETIC_CLASSES
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError, EngineUnavailable, SettingsError
from inspector.imaging.decode import Channels
from inspector.models.bundle import Bundle, amend_training
from inspector.models.detector import Detector
from inspector.training import loop
from inspector.training.config import TrainConfig
from inspector.training.export import export
from inspector.training.recipe_file import write_recipe
from inspector.training.validate import Validation, validate


def train(
    data: Annotated[
        list[str], typer.Option(metavar="SPEC", help=f"{sources.FORMATS}. Repeat it: classes join by name.")
    ],
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
        typer.Option(
            metavar="GROUP", help="Hold back this group for validation, not the val part; repeat it."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed and --epochs give the same weights (CPU).")] = 0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes CUDA if it is there.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
) -> None:
    """Train a detector and seal it as a bundle.

    The val part chooses the recipe's thresholds; the test part is never opened. Parts: split.json beside the
    data ({"train": [names], "val": [...], "test": [...]}), else the format's own, else drawn by a fixed seed.
    Images without a box are good ones; of those of folder:DIR the class is all that is known. Kill it at any
    moment: --resume goes on from the last checkpoint, at most three minutes back.

    Example: inspector train --data coco:parts.json --out runs/parts --minutes 60
    """
    if minutes is not None and epochs is not None:
        raise SettingsError("give --minutes or --epochs, not both")
    console = Console(stderr=True)
    training, held_back = _read(data, validation, console)
    _check(training, synthetic)
    _tell_of_labels(training, console)
    config = TrainConfig(
        name=name,
        attention=attention,
        reduction=reduction,
        in_channels=_channels(training, held_back, console),
        seed=seed,
        minutes=None if epochs else (minutes or 60.0),
        epochs=epochs,
        synthetic_share=synthetic,
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    run = loop.Run(config, training, out, device=_device(device))
    if resume:
        run.resume()
    network = _trained(run, console)
    bundle = _sealed(network, run, training, _facts(data, run, training, held_back))
    validated = _validated(bundle, held_back, console)
    if validated is None:
        console.print("no good or no defective images held back: all thresholds stay at 0.5", soft_wrap=True)
    else:
        bundle = amend_training(bundle, {"validation": validated.figures})
    write_recipe(out / "recipe.toml", validated)
    typer.echo(f"bundle {bundle.folder}\nrecipe {out / 'recipe.toml'}")
    typer.echo(f"try it: inspector inspect IMAGE --model {bundle.folder} --recipe {out / 'recipe.toml'}")


def _read(data: list[str], validation: list[str] | None, console: Console) -> tuple[Dataset, Dataset]:
    """What to train on, and what is held back: the val part, or the groups that the user names."""
    divided = sources.load(data)
    annotated = divided.of("trainval")
    both = sources.without_empty_boxes(annotated)
    if left_out := _boxes(annotated) - _boxes(both):
        console.print(f"{left_out} boxes without area are left out; see `inspector dataset check`")
    for doubt in divided.doubts:
        console.print(doubt, highlight=False, soft_wrap=True)
    if not validation:
        val = {name for name, part in divided.parts.items() if part == "val"}
        training, held_back = both.where(lambda s: s.name not in val), both.where(lambda s: s.name in val)
        how = divided.how
    else:
        training, held_back = _by_hand(both, validation)
        how = "--validation"
    # The groups say more than who drew them.
    told = ", ".join(_groups(held_back)) or how
    console.print(
        f"{len(training)} images to train on, {len(held_back)} held back: {told}",
        highlight=False,
        soft_wrap=True,
    )
    return training, held_back


def _by_hand(data: Dataset, groups: list[str]) -> tuple[Dataset, Dataset]:
    for name in groups:
        if name not in _groups(data):
            raise SettingsError(f"--validation {name}: the data's groups are {', '.join(_groups(data))}")
    return data.where(lambda s: s.group not in groups), data.where(lambda s: s.group in groups)


def _check(training: Dataset, synthetic: float) -> None:
    if all(sample.good for sample in training.samples):
        raise DataError(
            f"the train part holds {len(training)} images and no defect; say in split.json what to train on"
        )
    if synthetic and training.classes != SYNTHETIC_CLASSES:
        raise SettingsError(f"--synthetic: its boards have the classes {', '.join(SYNTHETIC_CLASSES)} alone")


def _tell_of_labels(training: Dataset, console: Console) -> None:
    only_labels = training.labels_only
    if not only_labels:
        return
    text = f"no boxes of {', '.join(only_labels)}: found by the image's score, and the map says where"
    console.print(text, highlight=False, soft_wrap=True)
    if not any(sample.good for sample in training.samples):
        console.print(
            "WARNING: no good image to train on: every part will look defective, and the map has nothing to "
            "hold defects against; name a folder good",
            highlight=False,
            soft_wrap=True,
        )


def _channels(training: Dataset, held_back: Dataset, console: Console) -> Channels:
    channels = channels_of(Dataset(training.classes, training.samples + held_back.samples))
    console.print(f"{channels} channel{'s: there is colour' if channels == 3 else ': all images are grey'}")
    return channels


def _boxes(data: Dataset) -> int:
    return sum(len(sample.boxes) for sample in data.samples)


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
        # Three boards of each image that can be healed.
        healed = sum(1 for sample in held_back.samples if sample.template and len(sample.boxes))
        task: TaskID = bar.add_task("validation", total=len(held_back) + 2 * healed)
        return validate(Pipeline(bundle, engine), held_back, lambda n: bar.advance(task, n))


def _sealed(network: Detector, run: loop.Run, training: Dataset, facts: dict[str, Any]) -> Bundle:
    side = run.config.final_size
    only_labels = training.labels_only
    classifies = only_labels == training.classes
    return export(
        network,
        run.folder / "bundle",
        architecture=run.architecture,
        classes=training.classes,
        image_level=only_labels,
        largest=largest_side(training) if classifies else 0,
        name=run.config.name,
        version=datetime.now(UTC).strftime("%Y.%m.%d"),
        nominal=(side, side),
        training=facts,
    )


def _facts(data: list[str], run: loop.Run, training: Dataset, held_back: Dataset) -> dict[str, Any]:
    # The format only: a path says where it lay on one machine, and nothing about the model.
    return {
        "data": ", ".join(dict.fromkeys(spec.partition(":")[0] for spec in data)),
        "images": len(training),
        "validation_images": len(held_back),
        "validation_groups": _groups(held_back),
        "steps": run.step,
        "minutes": round(run.seconds / 60, 1),
        "config": run.config.model_dump(),
    }


def _groups(data: Dataset) -> list[str]:
    return sorted({sample.group for sample in data.samples} - {""})


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable("--device cuda: this machine has no CUDA device that torch can use")
    return wanted
