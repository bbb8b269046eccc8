"""`python -m tests.faults --minutes 30 --seed 1`: break a stack, count, and print. Exit 1: lost or doubled.

Example: python -m tests.faults --minutes 1 --seed 7 --keep runs/faults
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import inspector
from inspector.messages.result import State
from tests.faults.run import Plan, Report, run


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        plan = Plan(
            asked.keep or Path(scratch),
            asked.minutes * 60,
            asked.seed,
            cameras=asked.cameras,
            gateways=asked.gateways,
            workers=asked.workers,
            real_workers=asked.real_workers,
            rate=asked.rate,
        )
        report = run(plan)
    sys.stdout.write("\n".join(lines(report)) + "\n")
    return 0 if report.sound else 1


def lines(report: Report) -> Iterator[str]:
    """The printout."""
    plan, counts = report.plan, report.counts
    yield (
        f"seed {plan.seed}, {plan.seconds / 60:g} minutes: {plan.cameras} cameras, {plan.gateways} gateways, "
        f"{plan.workers} workers with a delayed engine, {plan.real_workers} with the shipped model"
    )
    yield f"inspector {inspector.__version__}, {report.server} (D2), Python {platform.python_version()}"
    yield "faults: " + ", ".join(f"{name} {times}" for name, times in sorted(report.faults.items()))
    yield f"accepted {counts.accepted} (of {report.tally.tries} tries; {report.tally.given_up} given up)"
    for state in (State.DONE, State.FAILED, State.EXPIRED):
        yield f"{state.value} {counts.states.get(state, 0)}"
    yield _named("lost", counts.lost)
    yield _named("doubled", counts.doubled)
    yield f"run again {counts.run_again} ({counts.run_again / max(1, counts.accepted):.2%})"
    for name, seconds in report.recoveries.items():
        if seconds:
            p50, longest = median(seconds), max(seconds)
            yield f"recovery, {name}: p50 {p50:.2f} s, max {longest:.2f} s, {len(seconds)} times"
    if report.tally.refused:
        yield _named("answers that no camera should get", report.tally.refused)
    if report.died:
        yield _named("ended by themselves", report.died)


def _named(what: str, found: Sequence[str]) -> str:
    """With some examples, where there are any."""
    return f"{what} {len(found)}" + (f": {', '.join(found[:5])}" if found else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long things are broken")
    parser.add_argument("--seed", type=int, default=1, help="of the faults and the parts")
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3, help="with an engine that answers after 20 ms")
    parser.add_argument("--real-workers", type=int, default=0, help="with the shipped model")
    parser.add_argument("--rate", type=float, default=10.0, help="parts a second of each camera")
    parser.add_argument("--keep", type=Path, help="keep ledger, logs and the server's file here")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
