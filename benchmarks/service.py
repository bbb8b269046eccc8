"""The whole service against the bare limit, in turns: what share of the model's own pace reaches a camera."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import charts, figures, load, pictures
from benchmarks.bare import Limits, Options
from benchmarks.load import Plan
from benchmarks.stack import Stack, service_cpu, settle
from inspector.errors import SettingsError

Say = Callable[[str], None]

WARM_UP_S = 1.0
FSYNCS = 50


@dataclass(frozen=True, slots=True)
class Rival:
    """Another server, started by whoever measures, that takes an image as the body of a POST."""

    name: str
    port: int
    path: str

    @classmethod
    def parse(cls, word: str) -> Rival:
        """`NAME=PORT/PATH`. Raises SettingsError."""
        name, equals, place = word.partition("=")
        port, slash, path = place.partition("/")
        if not (name and equals and port.isdigit() and slash):
            raise SettingsError(f"--rival {word}: expected NAME=PORT/PATH, as mosec=8100/inference")
        return cls(name, int(port), f"/{path}")


@dataclass(frozen=True, slots=True)
class Setup:
    options: Options
    """`images` is filled here."""
    clients: Sequence[int] = (1, 4, 16)
    levels: Sequence[str] = ("D1", "D2")
    rounds: int = 3
    seconds: float = 8.0
    side: int = 640
    rivals: Sequence[Rival] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Of a worker on the same engine."""
        own = ("--model", self.options.model, "--engine", self.options.engine)
        return (*own, "--precision", self.options.precision)

    def with_images(self, images: list[str]) -> Options:
        return replace(self.options, images=images)


def run(setup: Setup, say: Say) -> dict[str, Any]:
    """`{"bare": {...}, "targets": {target: {clients: {...}}}, "fsync_ms": ...}`, ready for JSON."""
    report: dict[str, Any] = {"machine": figures.machine(), "rounds": setup.rounds, "seconds": setup.seconds}
    with tempfile.TemporaryDirectory() as place, ExitStack() as closing:
        folder = Path(place)
        images = pictures.boards(folder, setup.side)
        report["image_bytes"] = round(sum(Path(one).stat().st_size for one in images) / len(images))
        say("starting the bare loops and the stacks")
        limits = closing.enter_context(Limits(setup.with_images(images), folder))
        report["engine"] = limits.engine
        stacks = {
            level: closing.enter_context(Stack(folder / level, durability=level, flags=setup.flags))
            for level in setup.levels
        }
        rounds = [_round(setup, limits, stacks, images, folder, say) for _ in range(setup.rounds)]
        report["memory_mb"] = {
            level: {name: round(used.peak_mb) for name, used in stack.usage().items()}
            for level, stack in stacks.items()
        }
    return {**report, **_joined(rounds)}


def _round(
    setup: Setup, limits: Limits, stacks: dict[str, Stack], images: list[str], folder: Path, say: Say
) -> dict[str, Any]:
    """Alternately bare and served, so that each figure has its limit beside it."""
    found: dict[str, Any] = {"bare": {}, "targets": defaultdict(dict), "fsync_ms": fsync_ms(folder)}
    say("a round: bare, alone")
    found["bare"]["alone"] = limits.alone(setup.seconds)
    for clients in setup.clients:
        for level, stack in stacks.items():
            say(f"  {clients} clients at {level}")
            settle()
            before = stack.usage()
            seen = load.run(_plan(setup, stack.port, "/v1/inspections", images, clients), folder)
            images_done = load.inspected(seen)["answers"] * (1 + WARM_UP_S / setup.seconds)
            cpu = service_cpu(before, stack.usage(), int(images_done))
            found["targets"][level][clients] = {**seen, "cpu_ms": cpu}
        for rival in setup.rivals:
            seen = load.run(_plan(setup, rival.port, rival.path, images, clients), folder)
            found["targets"][rival.name][clients] = seen
        if clients == setup.clients[0]:
            say("  bare, a stream a core")
            found["bare"]["under_load"] = limits.under_load(setup.seconds)
    return found


def _plan(setup: Setup, port: int, path: str, images: list[str], clients: int) -> Plan:
    return Plan(port, images, setup.seconds, clients=clients, path=path, warm_up_s=WARM_UP_S)


def fsync_ms(folder: Path, size: int = 32_000) -> float:
    """The median of appending `size` bytes to a file and having them on the disk."""
    times = []
    data = os.urandom(size)
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            file.write(data)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return round(sorted(times)[len(times) // 2], 3)


def _joined(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    bare = {
        kind: {
            name: figures.spread([one["bare"][kind][name] for one in rounds])
            for name in ("rate", "p50_ms", "p99_ms")
        }
        for kind in ("alone", "under_load")
    }
    first = rounds[0]["targets"]
    targets = {
        target: {str(clients): _target(rounds, target, clients) for clients in first[target]}
        for target in first
    }
    return {"bare": bare, "targets": targets, "fsync_ms": figures.spread([one["fsync_ms"] for one in rounds])}


def _target(rounds: Sequence[dict[str, Any]], target: str, clients: int) -> dict[str, Any]:
    """A lone client against the lone-image limit, more of them against the one under load."""
    seen = [one["targets"][target][clients] for one in rounds]
    good = [load.answered(one) for one in seen]
    limit = [one["bare"]["alone" if clients == 1 else "under_load"]["rate"] for one in rounds]
    rates = [one["rate"] for one in good]
    found: dict[str, Any] = {
        "rate": figures.spread(rates),
        "of_bare": figures.paired(rates, limit),
        "p50_ms": figures.spread([one.get("p50_ms", 0.0) for one in good]),
        "p99_ms": figures.spread([one.get("p99_ms", 0.0) for one in good]),
        "generator_cpu_share": figures.spread([one["generator_cpu_share"] for one in seen]),
        "other_answers": [
            {status: one["answers"] for status, one in each["statuses"].items() if status != "200"}
            for each in seen
        ],
    }
    if "cpu_ms" in seen[0]:
        found["cpu_ms"] = {
            name: figures.spread([one["cpu_ms"][name] for one in seen]) for name in seen[0]["cpu_ms"]
        }
    if clients == 1:
        # What a lone image may take: the network, and the disk as often as the queue writes: submit, take,
        # finish.
        waits = [one["bare"]["alone"]["p50_ms"] + 3 * one["fsync_ms"] for one in rounds]
        found["of_bare_and_fsyncs"] = figures.paired(waits, [one["p50_ms"] for one in good])
    return found


def markdown(report: dict[str, Any]) -> str:
    alone, loaded = report["bare"]["alone"], report["bare"]["under_load"]
    lines = [
        f"{figures.where(report)}; {report['engine']}; images of {report['image_bytes']:,} bytes; medians of "
        f"{report['rounds']} rounds of {report['seconds']:g} s (lowest - highest).",
        f"Bare: {figures.shown(alone['rate'])} images/s one after the other on all cores "
        f"(p50 {figures.shown(alone['p50_ms'])} ms), {figures.shown(loaded['rate'])} with a stream a core. "
        f"An fsync of 32 kB: {figures.shown(report['fsync_ms'], 2)} ms.",
        "",
    ]
    head = ["target", "clients", "images/s", "of bare", "p50 ms", "p99 ms", "service CPU ms", "generator"]
    rows = []
    for target, by_clients in report["targets"].items():
        for clients, one in by_clients.items():
            cpu = one.get("cpu_ms", {}).get("service")
            rows.append(
                [
                    target,
                    clients,
                    figures.shown(one["rate"]),
                    figures.shown(one["of_bare"], 2),
                    figures.shown(one["p50_ms"]),
                    figures.shown(one["p99_ms"]),
                    figures.shown(cpu, 2),
                    f"{100 * one['generator_cpu_share']['median']:.0f} %",
                ]
            )
    notes = [
        f"{target}, one client, against bare + three fsyncs: {figures.shown(one['of_bare_and_fsyncs'], 2)}."
        for target, by_clients in report["targets"].items()
        for one in [by_clients.get("1")]
        if one and "cpu_ms" in one and target != "D1"
    ]
    memory = "; ".join(
        f"{level}: " + ", ".join(f"{name} {size}" for name, size in sizes.items())
        for level, sizes in report["memory_mb"].items()
    )
    return "\n".join([*lines, figures.table(head, rows), "", *notes, f"Peak memory, MB: {memory}."])


def picture(report: dict[str, Any], file: Path) -> None:
    groups = {
        f"{clients} waiting": {
            target: one[clients]["of_bare"] for target, one in report["targets"].items() if clients in one
        }
        for clients in next(iter(report["targets"].values()))
    }
    charts.bars(file, "Share of the bare limit", "of bare", groups)
