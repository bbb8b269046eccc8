"""Figures of several rounds: medians with the lowest and highest, ratios of what ran together, tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inspector import __version__

QUIET = 0.5
"""Load average above which other work disturbs the figures."""

Spread = dict[str, float]
"""median, low, high."""


def spread(values: Sequence[float]) -> Spread:
    return {
        "median": round(statistics.median(values), 3),
        "low": round(min(values), 3),
        "high": round(max(values), 3),
    }


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Of ratios, each of two figures of one round: a machine that slows down does so for both."""
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])


def shown(values: Spread | None, decimals: int = 1) -> str:
    if values is None:
        return ""
    median, low, high = (f"{values[key]:,.{decimals}f}" for key in ("median", "low", "high"))
    return f"{median} ({low} - {high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def machine() -> dict[str, Any]:
    """Where and with what a report was made."""
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "inspector": __version__,
        "load_average_before": round(os.getloadavg()[0], 2),
    }


def where(report: Mapping[str, Any]) -> str:
    """One line for the head of a table."""
    made = report["machine"]
    busy = made["load_average_before"] > QUIET
    warning = f"; BUSY MACHINE, load {made['load_average_before']}" if busy else ""
    return f"{made['cpu']}, {made['cores']} cores, Linux {made['kernel']}, Python {made['python']}{warning}"


def warn_if_busy() -> str | None:
    load = os.getloadavg()[0]
    if load <= QUIET:
        return None
    return f"warning: this machine is busy (load average {load:.1f}): the figures will be off"


def write(report: Mapping[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
