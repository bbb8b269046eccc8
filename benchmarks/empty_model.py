"""What the service itself costs: an engine that answers at once, and large bodies around a tiny picture."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import charts, figures, load, pictures
from benchmarks.load import Plan
from benchmarks.service import Say
from benchmarks.stack import Stack, service_cpu, settle

WARM_UP_S = 2.0


def run(
    clients: Sequence[int], levels: Sequence[str], rounds: int, seconds: float, size: int, say: Say
) -> dict[str, Any]:
    report: dict[str, Any] = {
        "machine": figures.machine(),
        "rounds": rounds,
        "seconds": seconds,
        "image_bytes": size,
        "targets": {},
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        images = pictures.bodies(folder, size)
        for level in levels:
            with Stack(folder / level, durability=level, engine="empty") as stack:
                for count in clients:
                    say(f"{count} clients at {level}")
                    seen = [_once(stack, images, count, seconds, folder) for _ in range(rounds)]
                    report["targets"].setdefault(level, {})[str(count)] = _joined(seen)
    return report


def _once(stack: Stack, images: list[str], clients: int, seconds: float, folder: Path) -> dict[str, Any]:
    settle()
    before = stack.usage()
    seen = load.run(Plan(stack.port, images, seconds, clients=clients, warm_up_s=WARM_UP_S), folder)
    after = stack.usage()
    good = load.inspected(seen)
    images_done = int(good["answers"] * (1 + WARM_UP_S / seconds))
    memory = {name: used.peak_mb for name, used in after.items()}
    share = seen["generator_cpu_share"]
    return {
        **good,
        "cpu_ms": service_cpu(before, after, images_done),
        "memory_mb": memory,
        "generator": share,
    }


def _joined(seen: Sequence[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: figures.spread([one[name] for one in seen])
        for name in ("rate", "p50_ms", "p99_ms", "generator")
    }
    for kind in ("cpu_ms", "memory_mb"):
        found[kind] = {name: figures.spread([one[kind][name] for one in seen]) for name in seen[0][kind]}
    return found


def markdown(report: dict[str, Any]) -> str:
    head = [
        "level",
        "clients",
        "images/s",
        "p50 ms",
        "p99 ms",
        "service CPU ms",
        "gateway",
        "worker",
        "server",
        "generator",
    ]
    rows = []
    for level, by_clients in report["targets"].items():
        for clients, one in by_clients.items():
            cpu = [
                figures.shown(one["cpu_ms"][name], 2) for name in ("service", "gateway", "worker-1", "server")
            ]
            rows.append(
                [
                    level,
                    clients,
                    figures.shown(one["rate"], 0),
                    figures.shown(one["p50_ms"]),
                    figures.shown(one["p99_ms"]),
                    *cpu,
                    f"{100 * one['generator']['median']:.0f} %",
                ]
            )
    first = (
        f"{figures.where(report)}; an empty model, bodies of {report['image_bytes']:,} bytes; CPU an image."
    )
    return "\n".join([first, "", figures.table(head, rows)])


def picture(report: dict[str, Any], file: Path) -> None:
    groups = {
        f"{level}, {clients} waiting": {
            name: one["cpu_ms"][name] for name in ("gateway", "worker-1", "server")
        }
        for level, by_clients in report["targets"].items()
        for clients, one in by_clients.items()
    }
    charts.bars(file, "CPU time an image, empty model", "ms", groups)
