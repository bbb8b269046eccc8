"""How cost grows with the work: bytes of a body, pixels of an image, findings, images in the queue, clients.

One run a figure, the points of a line in a random order: they show a shape, not a share.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import charts, figures, load, pictures
from benchmarks.load import Plan
from benchmarks.service import Say
from benchmarks.stack import Stack

BODIES = (1_000, 30_000, 100_000, 300_000, 1_000_000, 4_000_000, 16_000_000)
SIDES = (512, 1024, 2048, 4096, 8000)
FINDINGS = (0, 10, 50, 100, 300, 500)
DEPTHS = (0, 1_000, 10_000, 30_000, 100_000)
CLIENTS = (1, 4, 16, 64, 256)

Point = dict[str, float]


def run(what: Sequence[str], seconds: float, say: Say) -> dict[str, Any]:
    """`{"machine", "lines": {what: [{"x", "rate", ...}]}}`."""
    report: dict[str, Any] = {"machine": figures.machine(), "seconds": seconds, "lines": {}}
    for name in what:
        with tempfile.TemporaryDirectory() as place:
            report["lines"][name] = sorted(
                LINES[name](Path(place), seconds, say), key=lambda point: point["x"]
            )
    return report


def _bodies(folder: Path, seconds: float, say: Say) -> list[Point]:
    """An empty model: images in the queue's server, and in a blob store; beside them what the disk takes of
    the same bytes. What they cost by size says where INSPECTOR_INLINE_LIMIT belongs."""
    points = []
    for level in ("D1", "D2"):
        blobs = {"INSPECTOR_BLOBS": str(folder / f"blobs-{level}"), "INSPECTOR_INLINE_LIMIT": "1"}
        with (
            Stack(folder / level, durability=level, engine="empty") as inline,
            Stack(folder / f"{level}-stored", durability=level, engine="empty", settings=blobs) as stored,
        ):
            for size in _shuffled(BODIES):
                images = pictures.bodies(folder, size)
                point: Point = {"x": size, "level": int(level[1])}
                for where, stack in (("inline", inline), ("stored", stored)):
                    say(f"bodies of {size:,} bytes at {level}, {where}")
                    plan = Plan(stack.port, images, seconds, clients=4, warm_up_s=1)
                    seen = load.answered(load.run(plan, folder))
                    point |= {f"{where}_{name}": value for name, value in _of(seen).items()}
                    point[f"{where}_mb_per_s"] = round(seen["rate"] * size / 1e6, 1)
                point["disk_mb_per_s"] = round(disk_mb_per_s(folder, size, sync=level == "D2"), 1)
                points.append(point)
    return points


def disk_mb_per_s(folder: Path, size: int, *, sync: bool) -> float:
    """Appended to one file, a body a write; with `sync` each is on the disk before the next."""
    data = os.urandom(size)
    count = max(4, min(200, 64_000_000 // size))
    file = folder / "disk"
    with file.open("wb", buffering=0) as stream:
        began = time.perf_counter()
        for _ in range(count):
            stream.write(data)
            if sync:
                os.fdatasync(stream.fileno())
        os.fdatasync(stream.fileno())
        took = time.perf_counter() - began
    file.unlink()
    return count * size / took / 1e6


def _pixels(folder: Path, seconds: float, say: Say) -> list[Point]:
    points = []
    with Stack(folder / "stack") as stack:
        for side in _shuffled(SIDES):
            say(f"images of {side} x {side}")
            images = pictures.boards(folder, side, count=1)
            seen = load.answered(
                load.run(Plan(stack.port, images, max(seconds, side / 400), clients=2, warm_up_s=1), folder)
            )
            points.append(
                {"x": side * side, **_of(seen), "mpixel_per_s": round(seen["rate"] * side * side / 1e6, 1)}
            )
    return points


def _findings(folder: Path, seconds: float, say: Say) -> list[Point]:
    """An empty model that says that it found so many, all of them apart."""
    points = []
    images = pictures.bodies(folder, 30_000, side=640)
    for count in _shuffled(FINDINGS):
        say(f"{count} findings")
        settings = {"BENCHMARK_FINDINGS": str(count)}
        with Stack(folder / f"stack-{count}", engine="empty", settings=settings) as stack:
            seen = load.answered(load.run(Plan(stack.port, images, seconds, clients=4, warm_up_s=1), folder))
            points.append({"x": count, **_of(seen)})
    return points


def _depths(folder: Path, seconds: float, say: Say) -> list[Point]:
    """Bodies of 500 bytes, without a worker and without a wait: what it costs to be accepted at that
    depth."""
    points = []
    images = pictures.bodies(folder, 500)
    limit = str(2 * max(DEPTHS) + 200_000)
    settings = {"INSPECTOR_QUEUE_MAX_DEPTH": limit, "INSPECTOR_LINE_MAX_DEPTH": limit}
    with Stack(folder / "stack", workers=0, settings=settings) as stack:
        deep = 0
        for depth in DEPTHS:
            while deep < depth:
                deep += _posted(stack, images, folder, min(4.0, seconds))
            say(f"{deep:,} images in the queue")
            seen = load.run(Plan(stack.port, images, 1.0, clients=4, wait=False), folder)
            answered = load.answered(seen, 202)
            points.append({"x": max(1, deep), **_of(answered)})
            deep += int(answered["answers"])
    return points


def _posted(stack: Stack, images: list[str], folder: Path, seconds: float) -> int:
    seen = load.run(Plan(stack.port, images, seconds, clients=64, wait=False), folder)
    return int(load.answered(seen, 202)["answers"])


def _clients(folder: Path, seconds: float, say: Say) -> list[Point]:
    points = []
    images = pictures.bodies(folder, 100_000)
    with Stack(folder / "stack", engine="empty") as stack:
        for count in _shuffled(CLIENTS):
            say(f"{count} clients")
            seen = load.answered(
                load.run(Plan(stack.port, images, seconds, clients=count, warm_up_s=1), folder)
            )
            points.append({"x": count, **_of(seen)})
    return points


def _of(seen: Mapping[str, float]) -> Point:
    return {"rate": seen["rate"], "p50_ms": seen.get("p50_ms", 0.0), "p99_ms": seen.get("p99_ms", 0.0)}


def _shuffled(values: Sequence[int]) -> list[int]:
    return random.Random(0).sample(values, len(values))


LINES: Mapping[str, Callable[[Path, float, Say], list[Point]]] = {
    "bodies": _bodies,
    "pixels": _pixels,
    "findings": _findings,
    "depth": _depths,
    "clients": _clients,
}

_LABELS = {
    "bodies": "bytes of a body",
    "pixels": "pixels of an image",
    "findings": "findings of an image",
    "depth": "images in the queue",
    "clients": "clients",
}


def markdown(report: Mapping[str, Any]) -> str:
    parts = [f"{figures.where(report)}; {report['seconds']:g} s a point."]
    for name, points in report["lines"].items():
        columns = [column for column in points[0] if column != "x"]
        rows = [[f"{point['x']:,}", *(f"{point[column]:,.1f}" for column in columns)] for point in points]
        parts += ["", figures.table([_LABELS[name], *columns], rows)]
    return "\n".join(parts)


def picture(report: Mapping[str, Any], file: Path) -> None:
    """Milliseconds of the median image, and of the one in a hundred, one file a line."""
    for name, points in report["lines"].items():
        series = {
            column: [
                (max(0.5, point["x"]), max(0.01, point[column]))
                for point in points
                if point.get("level", 1) == 1
            ]
            for column in (name for name in points[0] if name.endswith(("p50_ms", "p99_ms")))
        }
        own = file.with_stem(f"{file.stem}-{name}")
        charts.lines(own, f"What {_LABELS[name]} cost", (_LABELS[name], "ms"), series)


def room_on_disk(folder: Path) -> int:
    """Free bytes; the bodies line writes some gigabytes."""
    return shutil.disk_usage(folder).free
