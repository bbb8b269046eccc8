"""Images that come whether or not the ones before are answered: half of what the service can do, and
twice.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import figures, load, pictures
from benchmarks.bare import Limits
from benchmarks.load import Plan
from benchmarks.service import Say, Setup
from benchmarks.stack import Stack, settle

CLIENTS = 16
"""Of the closed loop that shows the maximum."""

WARM_UP_S = 1.0
SPAN_S = 0.5


def half_load(setup: Setup, level: str, deadline_ms: int | None, say: Say) -> dict[str, Any]:
    """Of each round: the bare lone image, the maximum, then Poisson arrivals at half of it."""
    report = begun(setup, level)
    with tempfile.TemporaryDirectory() as place, ExitStack() as closing:
        folder = Path(place)
        images = pictures.boards(folder, setup.side)
        limits = closing.enter_context(Limits(setup.with_images(images), folder))
        stack = closing.enter_context(Stack(folder / level, durability=level, flags=setup.flags))
        rounds: list[dict[str, Any]] = []
        for number in range(setup.rounds):
            say(f"round {number + 1} of {setup.rounds}")
            bare = limits.alone(setup.seconds / 2)
            most = maximum(setup, stack, images, folder)
            path = "/v1/inspections" + (f"?deadline_ms={deadline_ms}" if deadline_ms else "")
            plan = Plan(
                stack.port, images, setup.seconds, rate=most / 2, seed=number, path=path, warm_up_s=WARM_UP_S
            )
            seen = load.run(plan, folder)
            rounds.append({"bare": bare, "maximum": most, "seen": seen})
        report["engine"] = limits.engine
    good = [load.answered(one["seen"]) for one in rounds]
    report["maximum"] = figures.spread([one["maximum"] for one in rounds])
    report["bare_p50_ms"] = figures.spread([one["bare"]["p50_ms"] for one in rounds])
    for name in ("rate", "p50_ms", "p99_ms"):
        report[name] = figures.spread([one[name] for one in good])
    report["p99_of_bare"] = figures.paired(
        [one["p99_ms"] for one in good], [one["bare"]["p50_ms"] for one in rounds]
    )
    report["statuses"] = [one["seen"]["statuses"] for one in rounds]
    return report


def overload(setup: Setup, level: str, depth: int, say: Say) -> dict[str, Any]:
    """Of each round: the maximum, twice that for `seconds`, and the time right behind it at half."""
    report = {**begun(setup, level), "depth": depth}
    settings = {"INSPECTOR_QUEUE_MAX_DEPTH": str(depth), "INSPECTOR_LINE_MAX_DEPTH": str(depth)}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        images = pictures.boards(folder, setup.side)
        with Stack(folder / level, durability=level, flags=setup.flags, settings=settings) as stack:
            rounds = [
                _overloaded(setup, stack, images, folder, number, say) for number in range(setup.rounds)
            ]
    for name in rounds[0]:
        if name not in {"spans", "statuses"}:
            report[name] = figures.spread([one[name] for one in rounds])
    report["spans"] = [one["spans"] for one in rounds]
    report["statuses"] = [one["statuses"] for one in rounds]
    return report


def _overloaded(
    setup: Setup, stack: Stack, images: list[str], folder: Path, number: int, say: Say
) -> dict[str, Any]:
    say(f"round {number + 1} of {setup.rounds}: the maximum")
    most = maximum(setup, stack, images, folder)
    before = stack.usage()
    say(f"  {2 * most:.0f} images/s for {setup.seconds:g} s")
    plan = Plan(
        stack.port, images, setup.seconds, rate=2 * most, seed=number, warm_up_s=2 * WARM_UP_S, every_s=SPAN_S
    )
    seen = load.run(plan, folder)
    after = stack.usage()
    # The queue is empty when the last answer is there: what comes now must be as if nothing had been.
    calm = load.run(Plan(stack.port, images, 4.0, rate=most / 2, seed=number, every_s=SPAN_S), folder)
    refused = load.answered(seen, 503) if "503" in seen["statuses"] else load.answered(seen, 429)
    accepted = load.answered(seen)
    return {
        "maximum": most,
        "accepted_rate": accepted["rate"],
        "accepted_of_maximum": accepted["rate"] / most if most else 0.0,
        "accepted_p99_ms": accepted.get("p99_ms", 0.0),
        "refused_rate": refused["rate"],
        "refused_p50_ms": refused.get("p50_ms", 0.0),
        "refused_p99_ms": refused.get("p99_ms", 0.0),
        "behind_p50_ms": load.answered(calm).get("p50_ms", 0.0),
        "behind_p99_ms": load.answered(calm).get("p99_ms", 0.0),
        "grown_mb": sum(after[name].rss_mb - before[name].rss_mb for name in after if name != "server"),
        "generator_cpu_share": seen["generator_cpu_share"],
        "spans": seen["spans"],
        "statuses": seen["statuses"],
    }


def maximum(setup: Setup, stack: Stack, images: list[str], folder: Path) -> float:
    """Images a second of a closed loop."""
    settle()
    plan = Plan(stack.port, images, setup.seconds / 2, clients=CLIENTS, warm_up_s=WARM_UP_S)
    return load.answered(load.run(plan, folder))["rate"]


def begun(setup: Setup, level: str) -> dict[str, Any]:
    made = figures.machine()
    return {"machine": made, "rounds": setup.rounds, "seconds": setup.seconds, "level": level}


def half_load_markdown(report: Mapping[str, Any]) -> str:
    head = ["maximum, images/s", "arrivals/s", "p50 ms", "p99 ms", "bare lone image ms", "p99 : bare"]
    names = ("maximum", "rate", "p50_ms", "p99_ms", "bare_p50_ms")
    row = [*(figures.shown(report[name]) for name in names), figures.shown(report["p99_of_bare"], 2)]
    first = f"{figures.where(report)}; {report['engine']}, {report['level']}; Poisson arrivals at half load."
    return "\n".join([first, "", figures.table(head, [row])])


def overload_markdown(report: Mapping[str, Any]) -> str:
    first = (
        f"{figures.where(report)}; {report['level']}, at most {report['depth']} images in the queue; "
        f"twice the maximum for {report['seconds']:g} s."
    )
    rows = [
        [label, figures.shown(report[name], decimals)]
        for label, name, decimals in (
            ("maximum, images/s", "maximum", 1),
            ("accepted, images/s", "accepted_rate", 1),
            ("accepted : maximum", "accepted_of_maximum", 2),
            ("accepted p99 ms", "accepted_p99_ms", 0),
            ("refused, images/s", "refused_rate", 1),
            ("refused p50 ms", "refused_p50_ms", 1),
            ("refused p99 ms", "refused_p99_ms", 1),
            ("right behind it, at half load: p50 ms", "behind_p50_ms", 1),
            ("right behind it, at half load: p99 ms", "behind_p99_ms", 1),
            ("gateway and worker grew by MB", "grown_mb", 1),
        )
    ]
    return "\n".join([first, "", figures.table(["", "median (lowest - highest)"], rows)])
