"""`inspector train`: from a data set to a bundle and a recipe with thresholds.

train_plan.py    what to train on, and with which options
train_screen.py  progress, curves, being asked to stop
here             the order of it all: plan, train, seal, validate, recipe
"""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from inspector.cli import train_plan
from inspector.cli.export_command import measured_in_every_precision
from inspector.cli.measuring import with_progress
from inspector.cli.train_plan import Asked, Start, say
from inspector.cli.train_screen import Screen, StopWish, disk_errors
from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.decision.recipes import read_recipe
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import EngineUnavailable, SettingsError
from inspector.evaluation.evaluate import measure
from inspector.evaluation.page.write import write_report
from inspector.models.bundle import Bundle, amend_training
from inspector.models.detector import Detector
from inspector.training.config import TrainConfig
from inspector.training.export import export
from inspector.training.loop import Run, Stopped
from inspector.training.recipe_file import write_recipe
from inspector.training.takeover import take_over
from inspector.training.validate import Validation, validate

STOPPED = 130
"""Exit code of a run that was asked to stop: what shells give for an interrupted command."""


def train(
    data: Annotated[
        list[str], typer.Option(metavar="SPEC", help=f"{sources.FORMATS}. Repeat it: classes join by name.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, curves, bundle/, recipe.toml.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the model, as results will show it. Default: the folder's.")
    ] = None,
    attention: Annotated[
        Literal["cbam", "se", "none"] | None, typer.Option(help="Kind of attention. Default: cbam.")
    ] = None,
    reduction: Annotated[
        int | None, typer.Option(min=1, help="Reduction ratio of the channel gate. Default: 16.")
    ] = None,
    placement: Annotated[
        Literal["block", "stage", "neck"] | None,
        typer.Option(help="neck alone (default), or also in every residual block or behind every stage."),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="BUNDLE",
            help="Start from this one's weights; `none`: from random ones. Default: the shipped one's.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="auto|N", help="Side in pixels of what the network sees. Default: by the data."),
    ] = None,
    symmetries: Annotated[
        Literal["auto", "all", "flips", "none"] | None,
        typer.Option(help="Flips and quarter turns in training; none for writing and the like."),
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0.01, help="Train for this long.")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Or so many epochs: repeatable. Default: by the data, may end early."),
    ] = None,
    synthetic: Annotated[
        float | None,
        typer.Option(min=0, max=0.9, help="Share of synthetic boards among the training images. Default: 0."),
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GROUP", help="Hold back this group for validation, not the val part; repeat it."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The same seed and --epochs give the same weights (CPU). Default: 0.")
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes CUDA if it is there.")
    ] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's checkpoint.")] = False,
) -> None:
    """Train a detector and seal it as a bundle.

    The val part chooses which weights are kept, and the recipe's thresholds; the test part is never opened.
    Parts: split.json beside the data ({"train": [names], "val": [...], "test": [...]}), else the format's
    own, else drawn by a fixed seed. Images without a box are good ones; of those of folder:DIR the class is
    all that is known. Kill it at any moment: --resume goes on from the last checkpoint, at most three minutes
    back.

    Example: inspector train --data coco:parts.json --out runs/parts
    """
    if minutes is not None and epochs is not None:
        raise SettingsError("give --minutes or --epochs, not both")
    asked = Asked(
        name=name,
        attention=attention,
        reduction=reduction,
        placement=placement,
        size=size,
        symmetries=symmetries,
        synthetic=synthetic,
        seed=seed,
        minutes=minutes,
        epochs=epochs,
        validation=tuple(validation) if validation else None,
    )
    console = Console(stderr=True)
    where = _device(device)
    start = Start(init)
    before = train_plan.stored(out, asked, start) if resume else None
    if before is None:
        train_plan.check_free(out)
    groups = asked.validation or (before.held_back if before else ())
    training, held_back = train_plan.read(data, groups, console)
    config = before or train_plan.fresh(asked, training, held_back, out, start, console)
    with StopWish() as wish, disk_errors(out):
        try:
            run = _begun(config, training, held_back, out, where, resume=resume)
            if start.bundle and before is None:
                _start_from(start.bundle, run, training.classes, console)
            with Screen(console, run.journal) as screen:
                network = run.train(screen, stop=wish)
            wish.at_once()
            _tell_which(run, console)
            _finished(network, run, _facts(data, run, training, held_back), training, held_back, console)
        except (Stopped, KeyboardInterrupt) as error:
            say(console, f"stopped; go on with: {_again()}")
            raise typer.Exit(STOPPED) from error


def _begun(
    config: TrainConfig, training: Dataset, held_back: Dataset, out: Path, device: str, *, resume: bool
) -> Run:
    run = Run(config, training, out, device=device, validation=held_back)
    if resume:
        run.resume()
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / train_plan.CONFIG).write_text(config.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"--out {out}: cannot be written: {error.strerror}") from error
    return run


def _start_from(bundle: Bundle, run: Run, classes: tuple[str, ...], console: Console) -> None:
    taken = take_over(run.network, bundle, classes)
    run.start_from(taken.weights)
    say(console, f"starts from {bundle.manifest.name} {bundle.manifest.version}: {taken.sentence()}")


def _tell_which(run: Run, console: Console) -> None:
    if run.best is None or run.watch is None:
        say(console, "no validation part: the last weights are kept")
        return
    step, figures = run.best
    shown = " ".join(f"{name} {value:.3f}" for name, value in figures.known().items())
    say(console, f"kept: the weights of step {step} of {run.step}, best by {run.watch.criterion}: {shown}")


def _finished(
    network: Detector,
    run: Run,
    facts: dict[str, Any],
    training: Dataset,
    held_back: Dataset,
    console: Console,
) -> None:
    """Seal, validate, write the recipe, show. A run that is killed in here does it again on --resume."""
    recipe = run.folder / "recipe.toml"
    bundle = _sealed(network, run, training, facts)
    validated = _validated(bundle, held_back, console)
    if validated is None:
        say(console, "no good or no defective images held back: all thresholds stay at 0.5")
    else:
        bundle = amend_training(bundle, {"validation": validated.figures})
    write_recipe(recipe, validated)
    if len(held_back):
        # INT8's gate is one of boxes: with classes that have none it could not pass.
        calibrated_on = None if bundle.manifest.image_level else training
        bundle = measured_in_every_precision(bundle, calibrated_on, held_back, read_recipe(recipe)).bundle
    typer.echo(f"bundle {bundle.folder}\nrecipe {recipe}\ncurves {run.folder / 'curves.png'}")
    if len(held_back):
        typer.echo(f"report {_reported(bundle, recipe, held_back, facts['data'])}")
    typer.echo(f"try it: inspector inspect IMAGE --model {bundle.folder} --recipe {recipe}")


def _validated(bundle: Bundle, held_back: Dataset, console: Console) -> Validation | None:
    engine = choose(bundle, "openvino", "cpu")
    with Progress(
        TextColumn("validation"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as bar:
        # Three boards of each image that can be healed.
        healed = sum(1 for sample in held_back.samples if sample.template and len(sample.boxes))
        task: TaskID = bar.add_task("validation", total=len(held_back) + 2 * healed)
        return validate(Pipeline(bundle, engine), held_back, lambda n: bar.advance(task, n))


def _reported(bundle: Bundle, recipe: Path, held_back: Dataset, data: str) -> Path:
    """The page of the validation part. Its figures are a little too kind: weights and thresholds were chosen
    there."""
    pipeline = Pipeline(bundle, choose(bundle, "openvino", "cpu"))
    rules = read_recipe(recipe)
    measured = with_progress(
        "report", held_back, lambda advance: measure(pipeline, held_back, rules, progress=advance)
    )
    return write_report(bundle.folder.with_name("report"), measured, data=f"{data}, validation part")


def _sealed(network: Detector, run: Run, training: Dataset, facts: dict[str, Any]) -> Bundle:
    return export(
        network,
        run.folder / "bundle",
        architecture=run.architecture,
        classes=training.classes,
        image_level=training.labels_only,
        name=run.config.name,
        version=datetime.now(UTC).strftime("%Y.%m.%d"),
        nominal=run.config.expected,
        rules=run.config.input_rules(),
        training=facts,
    )


def _facts(data: list[str], run: Run, training: Dataset, held_back: Dataset) -> dict[str, Any]:
    # The format only: a path says where it lay on one machine, and nothing about the model.
    return {
        "data": ", ".join(dict.fromkeys(spec.partition(":")[0] for spec in data)),
        "images": len(training),
        "validation_images": len(held_back),
        "validation_groups": train_plan.groups(held_back),
        "steps": run.step,
        "kept_step": run.best[0] if run.best else run.step,
        "minutes": round(run.seconds / 60, 1),
        "config": run.config.model_dump(mode="json"),
    }


def _device(wanted: str) -> str:
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise EngineUnavailable("--device cuda: this machine has no CUDA device that torch can use")
    return wanted


def _again() -> str:
    """The command as it was given, to go on."""
    words = [word for word in sys.argv[1:] if word != "--resume"]
    return shlex.join(["inspector", *words, "--resume"])
