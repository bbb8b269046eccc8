"""`inspector inspect`: files in, verdicts out, without any server. Pipeline and judgement are a worker's."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from inspector.cli.recipes import recipe_for
from inspector.engines.choose import choose
from inspector.engines.conclude import conclude
from inspector.engines.pipeline import Pipeline
from inspector.engines.postprocess import Inspection
from inspector.errors import DataError, InspectorError, SettingsError
from inspector.imaging.decode import decode
from inspector.imaging.header import check_pixels, sniff
from inspector.imaging.opencv import MAX_PIXELS
from inspector.imaging.overlay import draw, encode_png
from inspector.messages.job import ImageFacts, Job
from inspector.messages.recipe import Recipe
from inspector.messages.result import Finding, Result, Timings, Verdict
from inspector.models.bundle import Bundle, resolve

_COLOURS = {Verdict.OK: "green", Verdict.NG: "red", Verdict.REVIEW: "yellow"}


def inspect(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="JPEG, PNG or BMP files.")],
    model: Annotated[str, typer.Option(metavar="BUNDLE", help="Bundle folder, or default.")] = "default",
    recipe: Annotated[Path | None, typer.Option(metavar="FILE", help="Recipe (TOML).")] = None,
    json: Annotated[bool, typer.Option("--json", help="One result as JSON a line.")] = False,
    overlay: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write each image with its boxes and map here.")
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, openvino or torch.")] = "auto",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:0, ...")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, f32, bf16 or int8.")] = "auto",
) -> None:
    """Inspect image files, without any server.

    Exit code 0: every file was inspected, whatever its verdict. 1: at least one could not be.

    Example: inspector inspect board1.jpg board2.png --overlay seen/
    """
    pipeline = _pipeline(model, engine, device, precision)
    rules = recipe_for(pipeline.bundle, recipe)
    if overlay is not None:
        _make_folder(overlay, images)
    failures = 0
    for path in images:
        try:
            image, job = _read(path, rules)
            result, seen = _inspect(pipeline, job, image)
            _print(path, result, as_json=json)
            if overlay is not None:
                _write_overlay(overlay / f"{path.name}.png", image, job.image, result, seen)
        except InspectorError as error:
            failures += 1
            typer.echo(f"error: {path}: {error}. {error.advice}", err=True)
    if failures:
        raise typer.Exit(1)


def _pipeline(model: str, engine: str, device: str, precision: str) -> Pipeline:
    bundle = Bundle.load(resolve(model))
    return Pipeline(bundle, choose(bundle, engine, device, precision=precision))


def _make_folder(folder: Path, images: Sequence[Path]) -> None:
    names = Counter(path.name for path in images)
    if twice := [name for name, times in names.items() if times > 1]:
        raise SettingsError(f"--overlay {folder}: {twice[0]} is given twice, one would replace the other")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"--overlay {folder}: {error.strerror}") from error


def _read(path: Path, recipe: Recipe) -> tuple[bytes, Job]:
    """The file as a gateway would have taken it in. Raises BadInput, DataError."""
    image = _bytes_of(path)
    header = sniff(image)
    check_pixels(header, MAX_PIXELS)
    facts = ImageFacts(
        width=header.width,
        height=header.height,
        format=header.format,
        bytes=len(image),
        sha256=hashlib.sha256(image).hexdigest(),
    )
    return image, Job(id=path.name, image=facts, recipe=recipe, received_at=datetime.now(UTC))


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        raise DataError(f"it is a folder; name its files, as in {path}/*.jpg")
    if not path.exists() and any(sign in path.name for sign in "*?["):
        raise DataError("no file matches this pattern")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error


def _inspect(pipeline: Pipeline, job: Job, image: bytes) -> tuple[Result, Inspection]:
    start = perf_counter()
    prepared = pipeline.decode(image, job.image)
    decoded = perf_counter()
    [seen] = pipeline.infer([prepared])
    end = perf_counter()
    timings = Timings(
        queued=0.0,
        decode=round((decoded - start) * 1000, 3),
        inference=round((end - decoded) * 1000, 3),
        total=round((end - start) * 1000, 3),
    )
    return conclude(job, seen, pipeline.model, timings, datetime.now(UTC)), seen


def _write_overlay(path: Path, image: bytes, facts: ImageFacts, result: Result, seen: Inspection) -> None:
    # Decoded a second time, in colour: people see the part as it is, whatever the network takes.
    drawn = draw(decode(image, facts, 3), _worth_showing(result), seen.attention)
    try:
        path.write_bytes(encode_png(drawn))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error


def _print(path: Path, result: Result, *, as_json: bool) -> None:
    if as_json:
        # `file` first, then a result as the API gives it.
        typer.echo(f'{{"file":{dumps(str(path))},{result.model_dump_json()[1:]}')
        return
    console = Console(highlight=False, soft_wrap=True)
    reasons = "; ".join(reason.text for reason in result.reasons)
    verdict = f"[bold {_COLOURS[result.verdict]}]{result.verdict.value}[/]"
    console.print(f"{verdict}  {escape(str(path))}" + (f"  {escape(reasons)}" if reasons else ""))
    shown = _worth_showing(result)
    if shown:
        console.print(_table(shown))
    if rest := len(result.findings) - len(shown):
        console.print(f"  ({rest} more below half their threshold; --json has them all)", style="dim")


def _worth_showing(result: Result) -> list[Finding]:
    """Down to half the threshold: below it, hundreds of faint ones would hide the others."""
    return [finding for finding in result.findings if finding.score >= finding.threshold / 2]


def _table(findings: Sequence[Finding]) -> Table:
    table = Table("class", "score", "threshold", "counts", "x1", "y1", "x2", "y2", box=None, padding=(0, 2))
    for row in _rows(findings):
        table.add_row(*row)
    return table


def _rows(findings: Sequence[Finding]) -> Iterator[Sequence[str]]:
    for finding in findings:
        sides = (f"{side:.0f}" for side in finding.box)
        counts = "yes" if finding.counted else "no"
        if finding.same_place_as:
            counts = f"as {finding.same_place_as}"
        yield (finding.defect_class, f"{finding.score:.2f}", f"{finding.threshold:.2f}", counts, *sides)
