"""`inspector study`: what attention is worth, and how small a defect or bad a picture is seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal, cast

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from inspector.cli.recipes import recipe_for
from inspector.data import sources
from inspector.data.dataset import Dataset
from inspector.data.synthetic import CLASSES as SYNTHETIC_CLASSES
from inspector.engines.choose import choose
from inspector.engines.pipeline import Pipeline
from inspector.errors import DataError, EngineUnavailable, SettingsError
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle, resolve
from inspector.models.cbam import AttentionKind
from inspector.studies import ablation as ablations
from inspector.studies import attention as attentions
from inspector.studies.asking import Advance, check_classes
from inspector.studies.attention import AttentionStudy
from inspector.studies.data import Material, material, spread
from inspector.studies.disturb import SERIES
from inspector.studies.pictures import examples, save, side_by_side
from inspector.studies.robustness import (
    GOOD_BOARDS,
    SIZES,
    Robustness,
    knows_boards,
    map_under,
    recall_by_size,
)
from inspector.studies.summary import markdown, picture, summarise
from inspector.training import loop

CONSTANT = 1e-3
"""A channel gate whose weights vary by less over images tells none from another."""

study = typer.Typer(
    help="What attention is worth, and what a model no longer sees.\n\n"
    "Example: inspector study attention --data deeppcb:../data/deeppcb --out runs/attention",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[list[str], typer.Option(metavar="SPEC", help=f"{sources.FORMATS}. Repeat it to join sets.")]
Out = Annotated[Path, typer.Option(help="Folder for the figures.")]
Groups = Annotated[
    list[str] | None,
    typer.Option(metavar="GROUP", help="Measure on this group, not on the val part; repeat it."),
]
Model = Annotated[str, typer.Option(help="A bundle's folder, or default for the shipped one.")]
RecipeFile = Annotated[Path | None, typer.Option(help="A recipe file; the shipped default if none.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes CUDA if it is there.")]
Final = Annotated[bool, typer.Option("--final", help="Measure on the test part: once, after every choice.")]


@study.callback()
def group() -> None:
    """Nothing is shared but the name."""


@study.command()
def ablation(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the study: runs/, ablation.json, .md and .png.")],
    epochs: Annotated[
        int, typer.Option(min=1, help="Of every run, from the first step to the last alike.")
    ] = 30,
    size: Annotated[
        int, typer.Option(min=64, help="Side of the training crops, a multiple of 32 pixels.")
    ] = 256,
    batch: Annotated[int, typer.Option(min=1, help="Crops in a step.")] = 16,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each kind, seeds 0, 1, ...")] = 3,
    attention: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="none, se or cbam; repeat it. All three if left out."),
    ] = None,
    placement: Annotated[
        list[str] | None,
        typer.Option(metavar="PLACE", help="Where it stands, as in `inspector train`; repeat it."),
    ] = None,
    reduction: Annotated[int, typer.Option(min=1, help="Reduction ratio of the channel gate.")] = 16,
    synthetic: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of synthetic boards among the training images.")
    ] = 0.0,
    validation: Groups = None,
    limit: Limit = None,
    final: Final = False,
    device: Device = "auto",
) -> None:
    """Train none, SE and CBAM alike from several seeds, and measure each on what training never saw.

    Runs of one seed see the same crops in the same order, for the same number of steps; only the attention
    differs. Each is then measured: mAP on real images, the same under noise, blur and low contrast, and,
    where the data has the synthetic boards' classes, recall of defects of 3 to 20 pixels. The time that all
    of it will take is told after the first steps. Kill it at any moment: the same command goes on, and
    finished runs are kept.

    Example: inspector study ablation --data deeppcb:../data/deeppcb --out runs/ablation --epochs 30 --seeds 3
    """
    console = Console(stderr=True)
    known = material(data, validation or (), final=final)
    _check_ablation(known, size, synthetic)
    plan = ablations.Plan(
        epochs=epochs,
        size=size,
        batch=batch,
        reduction=reduction,
        synthetic=synthetic,
        limit=limit,
        part=cast("Literal['val', 'test']", known.part),
        training=ablations.digest(known.training),
        measured=ablations.digest(known.measured),
    )
    cells = ablations.cells(_kinds(attention), placement or ["neck"], seeds)
    the_study = ablations.Ablation(plan, known, out, device=_device(device))
    runs = [_cell(the_study, cell, cells, console) for cell in cells]
    summary = summarise(plan, runs)
    _write(out / "ablation.json", summary.model_dump_json(indent=2) + "\n")
    _write(out / "ablation.md", markdown(summary))
    picture(summary, out / "ablation.png")
    typer.echo(markdown(summary))


def _cell(
    the_study: ablations.Ablation, cell: ablations.Cell, cells: list[ablations.Cell], console: Console
) -> ablations.Figures:
    number = f"{cells.index(cell) + 1} of {len(cells)}, {cell}"
    if figures := the_study.finished(cell):
        console.print(f"run {number}: done before", highlight=False)
        return figures
    left = sum(the_study.finished(other) is None for other in cells)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>5.1f} %")
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        training = bar.add_task(f"run {number}: training", total=1.0)
        measuring = bar.add_task(f"run {number}: measuring", total=the_study.questions())
        figures = the_study.do(
            cell,
            _reporter(bar, training, the_study.steps(), left),
            lambda done: bar.advance(measuring, done),
        )
        bar.update(training, completed=1.0)
        bar.update(measuring, completed=the_study.questions())
    clean = figures.levels[0]
    console.print(f"run {number}: mAP50 {clean.map50:.1%}, mAP50-95 {clean.map50_95:.1%}", highlight=False)
    return figures


def _reporter(bar: Progress, task: TaskID, steps: int, left: int) -> Callable[[loop.Progress], None]:
    """Moves the bar, and tells once what this run and those after it will cost."""
    told = False
    # Of this call alone: a resumed run has earlier seconds.
    first: tuple[int, float] | None = None

    def report(progress: loop.Progress) -> None:
        nonlocal told, first
        bar.update(task, completed=progress.done)
        if first is None:
            first = progress.step, time.monotonic()
        elif not told:
            told = True
            each = (time.monotonic() - first[1]) / (progress.step - first[0])
            bar.console.print(
                _cost(each, steps - progress.step, steps, left), highlight=False, soft_wrap=True
            )

    return report


def _cost(seconds_a_step: float, steps_left: int, steps: int, runs_left: int) -> str:
    minutes = seconds_a_step * (steps_left + steps * (runs_left - 1)) / 60
    return (
        f"{seconds_a_step:.2f} s a step, {steps} steps a run: about {minutes:.0f} min of training for "
        f"the {runs_left} runs left, and some minutes more to measure each"
    )


def _check_ablation(known: Material, size: int, synthetic: float) -> None:
    if size % 32:
        raise SettingsError(f"--size {size}: must be a multiple of 32")
    for name, part in (("train", known.training), (known.part, known.measured)):
        if not any(len(sample.boxes) for sample in part.samples):
            raise DataError(f"the {name} part holds {len(part)} images and no defect")
    if synthetic and known.training.classes != SYNTHETIC_CLASSES:
        raise SettingsError(f"--synthetic: its boards have the classes {', '.join(SYNTHETIC_CLASSES)} alone")


def _kinds(wanted: list[str] | None) -> list[AttentionKind]:
    for kind in wanted or ():
        if kind not in ablations.KINDS:
            raise SettingsError(f"--attention {kind}: one of {', '.join(ablations.KINDS)}")
    return [kind for kind in ablations.KINDS if not wanted or kind in wanted]


def _device(wanted: str) -> str:
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise EngineUnavailable("--device cuda: this machine has no CUDA device that torch can use")
    return "cuda" if there and wanted != "cpu" else "cpu"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error


@study.command()
def attention(
    data: Data,
    out: Out,
    model: Model = "default",
    recipe: Annotated[Path | None, typer.Option(help="For the boxes in the pictures.")] = None,
    validation: Groups = None,
    limit: Limit = None,
    final: Final = False,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder for maps.png: truth, boxes, map and Grad-CAM side by side.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the shuffled weights.")] = 0,
    device: Device = "auto",
) -> None:
    """Weigh a bundle's attention map and gates.

    The map against Grad-CAM on the same network, before and behind the gate, against the gate that nobody
    supervised, and against the same network with its weights shuffled. Then mAP with each gate replaced by
    its mean, which is what the gate's choices are worth, and whether the channel gates vary over images at
    all. Images are run about a dozen times by torch: 100 of 640 x 640 take some minutes on two CPU cores.

    Example: inspector study attention --data deeppcb:DIR --out runs/attention --pictures runs/attention
    """
    console = Console(stderr=True)
    bundle = Bundle.load(resolve(model))
    rules = recipe_for(bundle, recipe) if pictures else None
    known = material(data, validation or (), final=final)
    measured = spread(known.measured, limit)
    with _counting("running", len(measured) * attentions.passes(bundle), console) as advance:
        found = attentions.study(
            bundle, measured, known.part, seed=seed, device=_device(device), advance=advance
        )
    _write(out / "attention.json", found.model_dump_json(indent=2) + "\n")
    if pictures and rules:
        _draw(bundle, rules, measured, pictures / "maps.png")
    _show_attention(found)


@study.command()
def robustness(
    data: Data,
    out: Out,
    model: Model = "default",
    recipe: RecipeFile = None,
    validation: Groups = None,
    limit: Limit = None,
    final: Final = False,
    side: Annotated[int, typer.Option(min=128, help="Side of the synthetic boards, pixels.")] = 320,
    boards: Annotated[int, typer.Option(min=1, help="Synthetic boards of each defect size.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    engine: Annotated[str, typer.Option(help="auto, openvino or torch.")] = "auto",
    device: Device = "auto",
) -> None:
    """How small a defect and how bad a picture a bundle still sees.

    Recall of defects of 3 to 20 pixels on synthetic boards, where the model knows their classes, at the
    recipe's thresholds and at 5 % overkill; and mAP on real images under noise, blur and low contrast.

    Example: inspector study robustness --data deeppcb:../data/deeppcb --out runs/robustness --limit 100
    """
    console = Console(stderr=True)
    bundle = Bundle.load(resolve(model))
    rules = recipe_for(bundle, recipe)
    known = material(data, validation or (), final=final)
    measured = spread(known.measured, limit)
    pipeline = Pipeline(bundle, choose(bundle, engine, _device(device)))
    check_classes(pipeline, measured)
    with _counting("real images", len(measured) * (1 + len(SERIES)), console) as advance:
        levels = map_under(pipeline, measured, seed=seed, advance=advance)
    sizes = None
    if knows_boards(pipeline):
        with _counting("synthetic boards", boards * len(SIZES) + GOOD_BOARDS, console) as advance:
            sizes = recall_by_size(pipeline, recipe=rules, side=side, boards=boards, advance=advance)
    found = Robustness(
        model=bundle.manifest.name,
        version=bundle.manifest.version,
        part=known.part,
        images=len(measured),
        recipe=f"{rules.id} v{rules.version}",
        seed=seed,
        levels=levels,
        sizes=sizes,
    )
    _write(out / "robustness.json", found.model_dump_json(indent=2) + "\n")
    _show_robustness(found)


@contextmanager
def _counting(what: str, total: int, console: Console) -> Iterator[Advance]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.advance(task, done)


def _draw(bundle: Bundle, rules: Recipe, measured: Dataset, path: Path) -> None:
    questions = examples(measured, bad=3, good=2)
    save(side_by_side(bundle, rules, questions, measured.classes), path)
    typer.echo(f"pictures {path}", err=True)


def _show_attention(found: AttentionStudy) -> None:
    console = Console()
    title = f"{found.model} {found.version}, {found.images} images of the {found.part} part"
    table = Table("map", "energy", "x chance", "pointing", "peak recall", title=title, title_justify="left")
    for name, scores in found.maps.items():
        shares = (f"{share:.1%}" for share in (scores.energy, scores.pointing, scores.peak_recall))
        energy, pointing, peaks = shares
        table.add_row(name, energy, f"{scores.enrichment:.1f}", pointing, peaks)
    console.print(table)
    gates = Table("gates", "mAP50", "mAP50-95", "mAP50 lost", "mAP50-95 lost")
    for row in found.gates:
        shown = (row.map50, row.map50_95, row.lost50, row.lost50_95)
        gates.add_row(row.what, *(f"{share:.1%}" for share in shown))
    console.print(gates)
    for name, channel in found.channels.items():
        live = f"{channel.live} of {channel.hidden} hidden units live"
        constant = "" if channel.spread > CONSTANT else "; it says the SAME of every image"
        text = f"{name}: {live}, weights vary by {channel.spread:.3f} over images{constant}"
        console.print(text, highlight=False, soft_wrap=True)


def _show_robustness(found: Robustness) -> None:
    console = Console()
    title = f"{found.model} {found.version}, {found.images} images of the {found.part} part"
    table = Table("images", "mAP50", "mAP50-95", title=title, title_justify="left")
    for level in found.levels:
        name = "as they are" if level.kind == "none" else f"{level.kind} {level.level:g}"
        table.add_row(name, f"{level.map50:.1%}", f"{level.map50_95:.1%}")
    console.print(table)
    if found.sizes is None:
        console.print("no recall by size: the model does not know the synthetic boards' defects")
        return
    sizes = Table("defect, px", "recall at the recipe", "recall at 5 % overkill", "defects")
    for each in found.sizes.sizes:
        rates = (each.at_recipe, each.at_overkill)
        sizes.add_row(
            str(each.size),
            *("-" if rate is None else f"{rate.value:.1%}" for rate in rates),
            str(each.at_overkill.of if each.at_overkill else 0),
        )
    console.print(sizes)
    if overkill := found.sizes.recipe_overkill:
        console.print(
            f"by the recipe {overkill.value:.1%} of good synthetic boards are rejected", highlight=False
        )
