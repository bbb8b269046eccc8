"""Memory over many images, and how long a start takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import figures, load, pictures
from benchmarks.load import Plan
from benchmarks.processes import ROOT
from benchmarks.service import Say
from benchmarks.stack import Stack, answers, free_port, service_cpu

LOOK_EVERY = 10_000
CLIENTS = 16
SLICE_S = 5.0
"""Of posting between two looks at how many it were."""

UP_WITHIN_S = 60.0


def memory(images: int, engine: str, size: int, say: Say) -> dict[str, Any]:
    """RSS of each process at every LOOK_EVERY images."""
    report: dict[str, Any] = {
        "machine": figures.machine(),
        "engine": engine,
        "image_bytes": size,
        "looks": [],
    }
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = pictures.boards(folder) if engine == "real" else pictures.bodies(folder, size)
        # A small ring: what Redis holds is its own affair, and is full soon.
        settings = {"INSPECTOR_RECENT_BYTES": str(64 << 20)}
        with Stack(folder / "stack", engine=engine, settings=settings) as stack:
            done, next_look, before = 0, 0, stack.usage()
            while done < images:
                if done >= next_look:
                    _look(report, stack, done, say)
                    next_look += LOOK_EVERY
                seen = load.run(Plan(stack.port, files, SLICE_S, clients=CLIENTS), folder)
                done += int(load.answered(seen)["answers"])
            _look(report, stack, done, say)
            report["cpu_ms"] = service_cpu(before, stack.usage(), done)
    return report


def _look(report: dict[str, Any], stack: Stack, done: int, say: Say) -> None:
    sizes = {name: round(used.rss_mb, 1) for name, used in stack.usage().items()}
    say(f"{done:,} images: " + ", ".join(f"{name} {size} MB" for name, size in sizes.items()))
    report["looks"].append({"images": done, "rss_mb": sizes})


def memory_markdown(report: Mapping[str, Any]) -> str:
    names = list(report["looks"][0]["rss_mb"])
    rows = [
        [f"{look['images']:,}", *(f"{look['rss_mb'][name]:.1f}" for name in names)]
        for look in report["looks"]
    ]
    first = f"{figures.where(report)}; {report['engine']} engine; RSS in MB."
    return "\n".join([first, "", figures.table(["images", *names], rows)])


def cold_start(rounds: int, say: Say) -> dict[str, Any]:
    """Seconds from a process's start until it is ready: each by itself, and `inspector up` as a whole."""
    seen: dict[str, list[float]] = {"server": [], "gateway": [], "worker": [], "inspector up": []}
    cpu: dict[str, list[float]] = {"gateway": [], "worker": []}
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            # Without workers first: gateway and worker must not share the cores while they start.
            with Stack(folder / "gateway", workers=0) as stack:
                seen["server"].append(stack.ready_s["server"])
                seen["gateway"].append(stack.ready_s["gateway"])
                cpu["gateway"].append(stack.usage()["gateway"].cpu_s)
                seen["worker"].append(stack.add_worker())
                cpu["worker"].append(stack.usage()["worker-1"].cpu_s)
            seen["inspector up"].append(_up(folder / "up"))
    return {
        "machine": figures.machine(),
        "rounds": rounds,
        "ready_s": {name: figures.spread(values) for name, values in seen.items()},
        "cpu_s": {name: figures.spread(values) for name, values in cpu.items()},
    }


def _up(data: Path) -> float:
    """Until all of its processes are ready, as its own screen says it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = "from inspector.cli.app import main; main()"
    began = time.monotonic()
    own = {key: value for key, value in os.environ.items() if not key.startswith("INSPECTOR_")}
    with (data.parent / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-c", command, "up", "--port", str(port), "--data-dir", str(data)],
            stdout=log,
            stderr=log,
            env={**own, "PYTHONPATH": str(ROOT)},
        )
    try:
        while time.monotonic() - began < UP_WITHIN_S:
            if (data / "stack.json").exists() and _all_ready(data / "stack.json", port):
                return time.monotonic() - began
            time.sleep(0.02)
        raise TimeoutError(f"inspector up was not ready: {(data.parent / 'up.log').read_text()[-500:]}")
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(30)


def _all_ready(state: Path, port: int) -> bool:
    """The worker too: its readiness is on its own port."""
    metrics = json.loads(state.read_text(encoding="utf-8"))["metrics"]
    worker = metrics["worker-1"].removesuffix("/metrics")
    return answers(f"http://127.0.0.1:{port}/readyz") and answers(f"{worker}/readyz")


def cold_start_markdown(report: Mapping[str, Any]) -> str:
    rows = [
        [name, figures.shown(values, 2), figures.shown(report["cpu_s"].get(name), 2)]
        for name, values in report["ready_s"].items()
    ]
    first = f"{figures.where(report)}; seconds from the start of a process until it is ready."
    return "\n".join([first, "", figures.table(["", "ready after s", "of it CPU s"], rows)])
