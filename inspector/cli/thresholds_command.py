"""`inspector thresholds`: a new version of a recipe, for a wanted overkill or escape rate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from inspector.cli.measuring import between, counted, percent, thinned, with_progress
from inspector.cli.recipes import recipe_for
from inspector.data import sources
from inspector.decision.recipe_toml import recipe_toml
from inspector.engines.choose import choose as choose_engine
from inspector.engines.pipeline import Pipeline
from inspector.errors import SettingsError
from inspector.evaluation.choice import Choice, Wanted, choose, doubts, expected
from inspector.evaluation.evaluate import ask
from inspector.evaluation.operating import Bench, Cost, FloatArray, of_recipe
from inspector.messages.recipe import Recipe
from inspector.models.bundle import Bundle, resolve


def thresholds(
    data: Annotated[
        list[str], typer.Option(metavar="SPEC", help=f"{sources.FORMATS}. Repeat it: classes join by name.")
    ],
    recipe: Annotated[
        Path | None, typer.Option(help="The recipe to renew; the shipped default if none, with --out.")
    ] = None,
    overkill: Annotated[
        str | None, typer.Option(metavar="RATE", help="Good parts that may be rejected, such as 1%.")
    ] = None,
    escape: Annotated[
        str | None, typer.Option(metavar="RATE", help="Or: bad parts that may pass, such as 0.5%.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A bundle's folder, or default for the shipped one.")
    ] = "default",
    split: Annotated[sources.Split, typer.Option(help="Which part of the data; never test.")] = "val",
    per_class: Annotated[
        bool | None,
        typer.Option(
            "--per-class/--one-for-all",
            help="Insist on a threshold for each class, or on one for all. Default: by the data.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write here. Default: renew the recipe, and keep the old file beside.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many images, evenly spread.")] = None,
) -> None:
    """Choose a recipe's thresholds on validation images; the model is not changed.

    With --overkill it misses as few defects as it can within that rate; with --escape it rejects as few good
    parts as it can. A part that is REVIEW is not accepted: it is no escape, and a good one is overkill. What
    to expect is measured on parts that the choice has not seen. The new version never takes effect by itself:
    put it where the gateway reads its recipes, and start that again.

    Example: inspector thresholds --data coco:parts.json --model runs/parts/bundle --recipe
    runs/parts/recipe.toml --overkill 1%
    """
    wanted = _wanted(overkill, escape)
    _check_split(split)
    if recipe is None and out is None:
        raise SettingsError("give --recipe FILE to renew it, or --out FILE to write the shipped one anew")
    bundle = Bundle.load(resolve(model))
    rules = recipe_for(bundle, recipe)
    if out is None and recipe is not None:
        _check_keepable(recipe, rules.version)
    dataset = thinned(sources.read(data, split), limit)
    pipeline = Pipeline(bundle, choose_engine(bundle, engine, device))
    material = with_progress(
        "asking the model", dataset, lambda done: ask(pipeline, dataset, rules, progress=done)
    )
    classes = bundle.manifest.classes
    bench, lowest = Bench.of(material, classes, rules), bundle.manifest.postprocess["min_score"]
    before = of_recipe(rules, classes)
    choice = choose(bench, wanted, before, lowest, per_class=per_class)
    hoped = expected(bench, wanted, before, lowest, choice.by_class)
    console = Console()
    console.print(_cost_table(bench, before, choice.thresholds, hoped))
    console.print(_class_table(bench, before, choice))
    for line in [*_remarks(bench, choice, split), *doubts(bench, wanted, hoped)]:
        console.print(line, highlight=False, soft_wrap=True)
    renewed = _renewed(rules, classes, choice)
    bundle.check(renewed)
    if renewed.thresholds == rules.thresholds:
        console.print("the recipe has these thresholds already: nothing is written")
        return
    kinds = ", ".join(dict.fromkeys(spec.partition(":")[0] for spec in data))
    named = f"model {pipeline.model.name} {pipeline.model.version}"
    where = f"{len(dataset)} images, the {split} part of {kinds}; {named}"
    notes = _notes(rules, wanted, bench, choice, hoped, where)
    was = {name: f"was {value:g}" for name, value in zip(classes, before.tolist(), strict=True)}
    _write(recipe, out, rules.version, recipe_toml(renewed, notes, was))
    console.print(
        f"{out or recipe}: recipe {renewed.id}, version {renewed.version}", highlight=False, soft_wrap=True
    )


def _wanted(overkill: str | None, escape: str | None) -> Wanted:
    if (overkill is None) == (escape is None):
        raise SettingsError("give --overkill RATE or --escape RATE, one of the two")
    if overkill is not None:
        return Wanted("overkill", _rate("--overkill", overkill))
    return Wanted("escape", _rate("--escape", str(escape)))


def _rate(option: str, text: str) -> float:
    """0-1. `1` is refused: it may mean 1 % or every part."""
    number, sign, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if sign else 1)
    except ValueError:
        value = -1.0
    if rest or not 0 <= value < 1:
        raise SettingsError(f"{option} {text}: expected a rate below 100 %, written like 1% or 0.01")
    return value


def _check_split(split: sources.Split) -> None:
    if split in {"test", "all"}:
        raise SettingsError(
            f"--split {split}: thresholds chosen on test images would make their figures worthless; choose"
            " on val, then measure once with `inspector evaluate --split test`. Images that are all for"
            " choosing: list them as val in a split.json beside the data"
        )


def _check_keepable(recipe: Path, version: int) -> None:
    """Before any work is done: the old version must have a place to stay."""
    kept = _kept(recipe, version)
    if kept.exists() and kept.read_bytes() != recipe.read_bytes():
        raise SettingsError(f"{kept} holds another version {version} already: move it away, or give --out")


def _kept(recipe: Path, version: int) -> Path:
    # Not .toml: in a folder of recipes two files of one id are refused.
    return recipe.with_name(f"{recipe.name}.v{version}")


def _cost_table(bench: Bench, before: FloatArray, after: FloatArray, hoped: Cost | None) -> Table:
    table = Table("", "now", "new", "expected on new parts", title="what they do", title_justify="left")
    costs = [bench.cost(before), bench.cost(after), hoped]
    bad = "one-defect boards" if bench.single else "defective images"
    rows = [
        ("escapes per defect", "escape_per_defect"),
        (f"escapes, {bad} judged OK", "escape"),
        ("overkill, good boards not judged OK", "overkill"),
    ]
    for name, field in rows:
        rates = [None if cost is None else getattr(cost, field) for cost in costs]
        table.add_row(
            name,
            *(
                "-" if one is None else f"{percent(one.value)}  {counted(one)}\n{between(one)}"
                for one in rates
            ),
        )
    return table


def _class_table(bench: Bench, before: FloatArray, choice: Choice) -> Table:
    table = Table("class", title="by class", title_justify="left")
    for name in ("defects", "threshold", "new", "missed", "new", "rejects good", "new"):
        table.add_column(name, justify="right")
    settings = (before, choice.thresholds)
    for index, name in enumerate(bench.classes):
        own = bench.kinds == index
        missed = [int((~bench.found(values)[own]).sum()) for values in settings]
        rejects = [
            int((bench.good.scores[:, index] >= values[index] - bench.margin).sum()) for values in settings
        ]
        at = [f"{values[index]:.2f}" for values in settings]
        table.add_row(name, str(own.sum()), *at, *map(str, missed), *map(str, rejects))
    return table


def _remarks(bench: Bench, choice: Choice, split: sources.Split) -> list[str]:
    lines = [f"one threshold for all classes: {choice.why_one}"] if choice.why_one else []
    names = np.array(bench.classes)
    if choice.by_class.any() and (few := names[~choice.by_class & ~choice.kept]).size:
        lines.append(f"too few defects for a threshold of its own: {', '.join(few)}")
    if choice.kept.any():
        lines.append(f"no defect in the data, so left as the recipe has it: {', '.join(names[choice.kept])}")
    if split != "val":
        lines.append(
            "the model was trained on these images: its scores are too sure here, and the rates too low"
        )
    return lines


def _renewed(rules: Recipe, classes: list[str], choice: Choice) -> Recipe:
    values = dict(zip(classes, choice.thresholds.tolist(), strict=True))
    chosen = rules.thresholds.model_copy(update={"classes": {**rules.thresholds.classes, **values}})
    return rules.model_copy(update={"version": rules.version + 1, "thresholds": chosen})


def _notes(
    rules: Recipe, wanted: Wanted, bench: Bench, choice: Choice, hoped: Cost | None, where: str
) -> list[str]:
    cost = bench.cost(choice.thresholds)
    lines = [
        f"Version {rules.version + 1}: thresholds chosen by `inspector thresholds`;"
        f" all else as in version {rules.version}.",
        f"Wanted: {wanted.mode} of at most {wanted.rate:.4g}. Chosen on {where}.",
        f"There: {_said(cost)}.",
    ]
    if hoped is not None:
        lines.append(f"To be expected on other parts (cross-validated): {_said(hoped)}.")
    lines += [f"One threshold for all classes: {choice.why_one}."] if choice.why_one else []
    return lines


def _said(cost: Cost) -> str:
    named = [
        ("escapes", cost.escape),
        ("overkill", cost.overkill),
        ("missed defects", cost.escape_per_defect),
    ]
    return ", ".join(f"{name} {percent(one.value)} ({counted(one)})" for name, one in named if one)


def _write(recipe: Path | None, out: Path | None, version: int, text: str) -> None:
    target = out or recipe
    assert target is not None  # noqa: S101 - checked before any work
    try:
        if out is None:
            _kept(target, version).write_bytes(target.read_bytes())
        # Beside and then in its place: whoever reads the recipe finds a whole one.
        fresh = target.with_name(f"{target.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(target)
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written: {error.strerror}") from error
