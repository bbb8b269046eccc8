"""Twice the maximum with a deadline on each image: a gateway that refuses what cannot be in time, beside one
that accepts all, in the same rounds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import figures, load, pictures
from benchmarks.load import EXPIRED, LATE, Plan
from benchmarks.openloop import WARM_UP_S, begun, maximum
from benchmarks.service import Say, Setup
from benchmarks.stack import Stack

MODES = {"refuses": "true", "accepts all": "false"}
"""Of INSPECTOR_REFUSE_LATE."""

BEHIND_S = 4.0
SPAN_S = 0.25

GOOD = "200"
REFUSED = "503"

ROWS = (
    ("maximum, images/s", "maximum", 1),
    ("inspected, images/s", "inspected_rate", 1),
    ("inspected : maximum", "inspected_of_maximum", 2),
    ("inspected in time : maximum", "in_time_of_maximum", 2),
    ("accepted, share that was late or expired", "late_share", 3),
    ("in time p99 ms", "in_time_p99_ms", 0),
    ("refused, images/s", "refused_rate", 1),
    ("refused p50 ms", "refused_p50_ms", 1),
    ("refused p99 ms", "refused_p99_ms", 1),
    ("told that it expired, p50 ms", "expired_p50_ms", 0),
    ("right behind it, at half load: p99 ms", "behind_p99_ms", 1),
    ("right behind it: s until all are in time", "recovered_s", 2),
    ("gateway and worker grew by MB", "grown_mb", 1),
)


def run(setup: Setup, level: str, deadline_ms: int, asleep_ms: float | None, say: Say) -> dict[str, Any]:
    """`{"modes": {mode: {figure: spread}}}`: each the maximum, twice that, and half of it right behind.

    `asleep_ms`: there is no model, and each image takes so long.
    """
    report = {**begun(setup, level), "deadline_ms": deadline_ms, "asleep_ms": asleep_ms}
    engine, own = ("real", setup.flags) if asleep_ms is None else ("empty", ())
    pace = {} if asleep_ms is None else {"BENCHMARK_MS": str(asleep_ms)}
    with tempfile.TemporaryDirectory() as place, ExitStack() as closing:
        folder = Path(place)
        images = pictures.boards(folder, setup.side)
        stacks = {
            mode: closing.enter_context(
                Stack(
                    folder / mode.replace(" ", "-"),
                    durability=level,
                    engine=engine,
                    flags=own,
                    settings={"INSPECTOR_REFUSE_LATE": word, **pace},
                )
            )
            for mode, word in MODES.items()
        }
        rounds = []
        for number in range(setup.rounds):
            say(f"round {number + 1} of {setup.rounds}")
            rounds.append(
                {
                    mode: _overloaded(setup, stack, images, folder, number, deadline_ms)
                    for mode, stack in stacks.items()
                }
            )
    report["modes"] = {mode: _joined([one[mode] for one in rounds]) for mode in MODES}
    return report


def _overloaded(
    setup: Setup, stack: Stack, images: list[str], folder: Path, number: int, deadline_ms: int
) -> dict[str, Any]:
    most = maximum(setup, stack, images, folder)
    path = f"/v1/inspections?deadline_ms={deadline_ms}"
    before = stack.usage()
    plan = Plan(
        stack.port,
        images,
        setup.seconds,
        rate=2 * most,
        seed=number,
        path=path,
        warm_up_s=2 * WARM_UP_S,
        judged=True,
    )
    seen = load.run(plan, folder)
    after = stack.usage()
    # At once: what comes now must soon be as if nothing had been.
    plan = Plan(
        stack.port, images, BEHIND_S, rate=most / 2, seed=number, path=path, every_s=SPAN_S, judged=True
    )
    behind = load.run(plan, folder)
    grown = sum(after[name].rss_mb - before[name].rss_mb for name in after if name != "server")
    return {"maximum": most, **figures_of(seen, most), **_behind(behind), "grown_mb": grown}


def figures_of(seen: Mapping[str, Any], most: float) -> dict[str, Any]:
    """Of an overload, beside the maximum in images/s."""
    good, late, expired, refused = (load.answered(seen, one) for one in (GOOD, LATE, EXPIRED, REFUSED))
    accepted = good["rate"] + late["rate"] + expired["rate"]
    inspected = good["rate"] + late["rate"]
    return {
        "inspected_rate": inspected,
        "inspected_of_maximum": inspected / most if most else 0.0,
        "in_time_of_maximum": good["rate"] / most if most else 0.0,
        "late_share": (late["rate"] + expired["rate"]) / accepted if accepted else 0.0,
        "in_time_p99_ms": good.get("p99_ms", 0.0),
        "refused_rate": refused["rate"],
        "refused_p50_ms": refused.get("p50_ms", 0.0),
        "refused_p99_ms": refused.get("p99_ms", 0.0),
        "expired_p50_ms": expired.get("p50_ms", 0.0),
        "generator_cpu_share": seen["generator_cpu_share"],
        "statuses": seen["statuses"],
    }


def _behind(seen: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "behind_p99_ms": load.answered(seen).get("p99_ms", 0.0),
        "recovered_s": recovered_s(seen["spans"]),
        "spans_behind": seen["spans"],
    }


def recovered_s(spans: Mapping[str, Sequence[int]]) -> float:
    """The end of the last span in which an image was not inspected in time; 0 where there was none."""
    bad = [number for kind, counts in spans.items() if kind != GOOD for number, n in enumerate(counts) if n]
    return (max(bad) + 1) * SPAN_S if bad else 0.0


def _joined(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    told = {"statuses", "spans_behind"}
    numbers = {name: figures.spread([one[name] for one in rounds]) for name in rounds[0] if name not in told}
    return {**numbers, **{name: [one[name] for one in rounds] for name in told}}


def markdown(report: Mapping[str, Any]) -> str:
    asleep = report["asleep_ms"]
    what = "" if asleep is None else f"no model, {asleep:g} ms an image; "
    first = (
        f"{figures.where(report)}; {report['level']}; {what}a deadline of {report['deadline_ms']} ms; "
        f"twice the maximum for {report['seconds']:g} s. "
        f"Median (lowest - highest) of {report['rounds']} rounds."
    )
    rows = [
        [label, *(figures.shown(report["modes"][mode][name], decimals) for mode in MODES)]
        for label, name, decimals in ROWS
    ]
    return "\n".join([first, "", figures.table(["", *MODES], rows)])
