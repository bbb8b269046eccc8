"""The engines on one bundle, decoding included: images a second alone on all cores, and a stream a core."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import charts, figures, pictures
from benchmarks.bare import Limits, Options
from benchmarks.service import Say


def run(
    options: Options, kinds: Sequence[tuple[str, str]], rounds: int, seconds: float, side: int, say: Say
) -> dict[str, Any]:
    """`kinds`: (engine, precision) of each."""
    report: dict[str, Any] = {"machine": figures.machine(), "rounds": rounds, "seconds": seconds}
    seen: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as place, ExitStack() as closing:
        folder = Path(place)
        images = pictures.boards(folder, side)
        all_limits: list[Limits] = []
        for engine, precision in kinds:
            say(f"starting {engine} {precision}")
            own = replace(options, images=images, engine=engine, precision=precision)
            all_limits.append(closing.enter_context(Limits(own, folder)))
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            for limits in all_limits:
                own_seen = seen.setdefault(limits.engine, {"alone": [], "alone_ms": [], "under load": []})
                alone = limits.alone(seconds)
                own_seen["alone"].append(alone["rate"])
                own_seen["alone_ms"].append(alone["p50_ms"])
                own_seen["under load"].append(limits.under_load(seconds)["rate"])
    report["engines"] = {
        name: {kind: figures.spread(values) for kind, values in kinds_seen.items()}
        for name, kinds_seen in seen.items()
    }
    return report


def markdown(report: Mapping[str, Any]) -> str:
    rows = [
        [name, figures.shown(one["alone"]), figures.shown(one["alone_ms"]), figures.shown(one["under load"])]
        for name, one in report["engines"].items()
    ]
    first = f"{figures.where(report)}; decoded, run and post-processed in a loop; {report['rounds']} rounds."
    head = ["engine", "alone, images/s", "alone, ms", "a stream a core, images/s"]
    return "\n".join([first, "", figures.table(head, rows)])


def picture(report: Mapping[str, Any], file: Path) -> None:
    groups = {
        name: {kind: one[kind] for kind in ("alone", "under load")} for name, one in report["engines"].items()
    }
    charts.bars(file, "Engines, decoding included", "images/s", groups)
