"""Where the time of one image goes: waiting by the clock, stage by stage; and CPU by what the profiler
saw.
"""

from __future__ import annotations

import json
import re
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import charts, figures, load, pictures, profiled
from benchmarks.load import Plan
from benchmarks.service import Say
from benchmarks.stack import Stack

RECENT = 200

PARTS = {
    "gateway": {
        "HTTP, event loop": ("uvicorn", "http", "starlette", "h11", "guard.py"),
        "parameters, keys": (
            "parameters.py",
            "access.py",
            "keyring.py",
            "posting.py",
            "pydantic",
            "problems.py",
        ),
        "body and digest": ("body.py", "intake.py"),
        "queue": ("queue", "asyncio/connection.py", "_parsers", "redis"),
        "waiting and answer": ("hub.py", "envelope.py", "gateway.py"),
    },
    "worker": {
        "queue": ("queue", "redis", "_parsers"),
        "decoding": ("imaging",),
        "network": ("openvino_engine.py", "openvino", "empty_worker.py"),
        "boxes and map": ("postprocess.py", "classified.py", "seams.py", "pipeline.py", "overlay.py"),
        "verdict and result": ("conclude.py", "verdict.py", "messages"),
        "threads": ("hands.py", "compute.py", "threading.py", "inspect.py", "metrics.py"),
    },
}
"""What a function's file says it is for; the innermost one that is named here counts."""

OTHER = "other"

_START = ("importlib", "<module>")


def run(engine: str, clients: int, seconds: float, size: int, say: Say) -> dict[str, Any]:
    """One run for the clock, one under the profiler for CPU."""
    report: dict[str, Any] = {"machine": figures.machine(), "engine": engine, "clients": clients}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        images = pictures.boards(folder) if engine == "real" else pictures.bodies(folder, size)
        flags = ("--precision", "int8") if engine == "real" else ()  # as `service` has it
        say("by the clock")
        with Stack(folder / "clock", engine=engine, flags=flags) as stack:
            seen = load.answered(
                load.run(Plan(stack.port, images, seconds, clients=clients, warm_up_s=1), folder)
            )
            report["clock_ms"] = _clock(stack.port, seen["p50_ms"])
        say("CPU, under the profiler")
        with Stack(folder / "cpu", engine=engine, flags=flags, profiled=True) as stack:
            seen = load.answered(
                load.run(Plan(stack.port, images, seconds, clients=clients, warm_up_s=1), folder)
            )
            done = seen["answers"] * (1 + 1 / seconds)
        report["cpu_us"] = {
            name: _cpu(profiled.read(folder / "cpu" / f"{file}.stacks"), PARTS[name], done)
            for name, file in (("gateway", "gateway"), ("worker", "worker-1"))
        }
    return report


def _clock(port: int, whole_ms: float) -> dict[str, float]:
    """Medians of the recent results' own timings; the rest of the client's median is the gateway's."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/v1/inspections?limit={RECENT}", timeout=5) as answer:
        recent = json.loads(answer.read())["inspections"]
    timings = [one["result"]["timings_ms"] for one in recent if one["result"]]
    middle = {
        stage: figures.spread([timing[stage] for timing in timings])["median"]
        for stage in ("queued", "decode", "inference", "total")
    }
    concluded = middle["total"] - middle["queued"] - middle["decode"] - middle["inference"]
    return {
        "receive, store, take": middle["queued"],
        "decode": middle["decode"],
        "network, boxes, map": middle["inference"],
        "wait for a thread, verdict": round(max(0.0, concluded), 3),
        "record, announce, answer": round(max(0.0, whole_ms - middle["total"]), 3),
    }


def _cpu(
    spent: Counter[tuple[str, ...]], parts: Mapping[str, tuple[str, ...]], images: float
) -> dict[str, float]:
    """Microseconds an image, by part; without the start of the process."""
    found: Counter[str] = Counter()
    for stack, microseconds in spent.items():
        if not any(word in frame for frame in stack[8:] for word in _START):
            found[_part(stack, parts)] += microseconds
    return {name: round(found[name] / max(1.0, images), 1) for name in (*parts, OTHER)}


def _part(stack: tuple[str, ...], parts: Mapping[str, tuple[str, ...]]) -> str:
    for frame in reversed(stack):
        for name, words in parts.items():
            if any(re.search(rf"(^|/){re.escape(word)}", frame) for word in words):
                return name
    return OTHER


def markdown(report: Mapping[str, Any]) -> str:
    clock = [[stage, f"{value:.2f}"] for stage, value in report["clock_ms"].items()]
    cpu = [
        [process, part, f"{value:.0f}"]
        for process, parts in report["cpu_us"].items()
        for part, value in parts.items()
    ]
    first = f"{figures.where(report)}; {report['engine']} engine, {report['clients']} clients."
    return "\n".join(
        [
            first,
            "",
            figures.table(["stage, by the clock", "ms (median)"], clock),
            "",
            figures.table(["process", "part", "CPU µs an image (profiled)"], cpu),
        ]
    )


def picture(report: Mapping[str, Any], file: Path) -> None:
    rows: dict[str, Mapping[str, float]] = {"by the clock": report["clock_ms"]}
    for process, parts in report["cpu_us"].items():
        rows[f"CPU, {process}"] = {part: value / 1000 for part, value in parts.items()}
    charts.stages(file, f"Where one image's time goes ({report['engine']} engine)", rows)
