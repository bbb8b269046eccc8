"""`python -m tests.faults --minutes 30 --seed 1`: break a stack, count, and print. Exit 1: lost or doubled.

Examples:
  python -m tests.faults --minutes 1 --seed 7 --keep runs/faults
  python -m tests.faults --cluster --minutes 3
  python -m tests.faults --real-workers 1 --images DeepPCB/PCBData --every 5
  python -m tests.faults --other-version ../inspector-of-last-year
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import inspector
from inspector.messages.result import State
from tests.faults.run import Plan, Report, run
from tests.faults.stack import MIN_IDLE
from tests.faults.versions import OURS, Tree

LIMITS_S = {
    "a killed worker's images at another": MIN_IDLE.total_seconds() + 1,
    "a paused worker's images at another": MIN_IDLE.total_seconds() + 1,
    "a killed server's start, to the next acknowledgement": 5.0,
    "a killed primary's loss, to the next acknowledgement": 5.0,
    "a paused primary's loss, to the next acknowledgement": 5.0,
}
"""What is wanted of a recovery. A loaded machine may miss it, so it is printed and no more."""

CLUSTER_LIMIT_S = 6.0
"""Instead of the primary's 5 s: a cluster's nodes believe a loss after 2 s, Sentinels after 1 s."""


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        plan = Plan(
            asked.keep or Path(scratch),
            asked.minutes * 60,
            asked.seed,
            servers=asked.servers,
            cameras=asked.cameras,
            gateways=asked.gateways,
            workers=asked.workers,
            real_workers=asked.real_workers,
            images=asked.images,
            other=asked.other_version,
            rate=asked.rate,
            every_s=asked.every,
        )
        try:
            report = run(plan)
        except ValueError as error:
            sys.stderr.write(f"error: {error}\n")
            return 2
    sys.stdout.write("\n".join(lines(report)) + "\n")
    return 0 if report.sound else 1


def lines(report: Report) -> Iterator[str]:
    """The printout."""
    yield from _what_ran(report)
    counts = report.counts
    yield "faults: " + ", ".join(f"{name} {times}" for name, times in sorted(report.faults.items()))
    yield f"accepted {counts.accepted} (of {report.tally.tries} tries; {report.tally.given_up} given up)"
    for state in (State.DONE, State.FAILED, State.EXPIRED):
        yield f"{state.value} {counts.states.get(state, 0)}"
    yield _named("lost", counts.lost)
    yield _named("doubled", counts.doubled)
    yield _named("told one outcome, found another", counts.contradicted)
    yield from _again(report)
    for name in sorted(report.recoveries):
        yield f"recovery, {name}: {_passed(report.recoveries[name], _limit(report.plan, name))}"
    yield "ended by: " + ", ".join(f"{who} {times}" for who, times in sorted(_kinds(report).items()))
    yield f"row: {row(report)}"
    if report.tally.refused:
        yield _named("answers that no camera should get", report.tally.refused)
    if report.died:
        yield _named("ended by themselves", report.died)


def row(report: Report) -> str:
    """For the table of docs/reliability.md."""
    plan, counts = report.plan, report.counts
    version = f"{OURS.commit} beside {plan.other.commit}" if plan.other else OURS.commit
    ends = " / ".join(str(counts.states.get(state, 0)) for state in (State.DONE, State.FAILED, State.EXPIRED))
    again = counts.delivered_again if report.run_again is None else report.run_again
    cells = [
        report.server,
        version,
        f"{plan.seconds / 60:g} min, seed {plan.seed}",
        str(sum(report.faults.values())),
        str(counts.accepted),
        ends,
        f"{len(counts.lost)} / {len(counts.doubled)} / {len(counts.contradicted)}",
        f"{again} ({again / max(1, counts.accepted):.2%})",
        _longest(report, "worker's images"),
        _longest(report, "next acknowledgement"),
    ]
    return "| " + " | ".join(cells) + " |"


def _longest(report: Report, part: str) -> str:
    """Of the recoveries whose name has that part."""
    found = [one for name, seconds in report.recoveries.items() if part in name for one in seconds]
    return f"{median(found):.1f} / {max(found):.1f} s" if found else "-"


def _what_ran(report: Report) -> Iterator[str]:
    plan = report.plan
    yield (
        f"seed {plan.seed}, {plan.seconds / 60:g} minutes, a fault every {plan.every_s:g} s: {plan.cameras} "
        f"cameras at {plan.rate:g}/s, {plan.gateways} gateways, {plan.workers} workers with a delayed "
        f"engine, {plan.real_workers} with the shipped model, {'real' if plan.images else 'made'} images"
    )
    beside = f" beside {plan.other.commit}" if plan.other else ""
    yield (
        f"inspector {inspector.__version__} ({OURS.commit}){beside}, {report.server}, "
        f"Python {platform.python_version()}"
    )
    yield f"{os.cpu_count()} cores, load average {report.load:.1f} at the end"


def _again(report: Report) -> Iterator[str]:
    """By what workers say who count each run, and by what the queue counted. After a failover the queue may
    have forgotten a delivery."""
    accepted = max(1, report.counts.accepted)
    if report.run_again is not None:
        yield f"run again, at most {report.run_again} ({report.run_again / accepted:.2%} of the accepted)"
    stopped = sum(times for name, times in report.faults.items() if name.startswith("worker "))
    again = report.counts.delivered_again
    each = again / max(1, stopped)
    yield f"delivered again {again} ({again / accepted:.2%}; {each:.2f} a worker fault)"


def _passed(seconds: Sequence[float], limit: float | None) -> str:
    said = f"p50 {median(seconds):.2f} s, max {max(seconds):.2f} s, {len(seconds)} times"
    if limit is None:
        return said
    over = sum(one > limit for one in seconds)
    return f"{said}; wanted <= {limit:g} s: " + (f"{over} over it" if over else "kept")


def _limit(plan: Plan, name: str) -> float | None:
    of_a_primary = plan.servers == "cluster" and "primary's loss" in name
    return CLUSTER_LIMIT_S if name in LIMITS_S and of_a_primary else LIMITS_S.get(name)


def _kinds(report: Report) -> Counter[str]:
    """Images ended by each kind of worker: a name's letters."""
    kinds: Counter[str] = Counter()
    for worker, times in report.counts.ended_by.items():
        kinds[worker.rpartition("-")[0].rstrip("0123456789") or "gateways"] += times
    return kinds


def _named(what: str, found: Sequence[str]) -> str:
    """With some examples, where there are any."""
    return f"{what} {len(found)}" + (f": {', '.join(found[:5])}" if found else "")


def _tree(folder: str) -> Tree:
    try:
        return Tree(Path(folder).resolve())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long things are broken")
    parser.add_argument("--seed", type=int, default=1, help="of the faults and the parts")
    parser.add_argument("--every", type=float, default=0.9, help="mean seconds between two faults")
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--workers", type=int, default=3, help="with an engine that answers after 20 ms")
    parser.add_argument("--real-workers", type=int, default=0, help="with the shipped model")
    parser.add_argument("--images", type=Path, metavar="DIR", help="post the JPEGs in it")
    parser.add_argument("--rate", type=float, default=10.0, help="parts a second of each camera")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument(
        "--failover",
        dest="servers",
        action="store_const",
        const="sentinels",
        help="a primary and two replicas under Sentinels, at D3",
    )
    kinds.add_argument(
        "--cluster",
        dest="servers",
        action="store_const",
        const="cluster",
        help="four shards on a cluster of six nodes, at D3",
    )
    parser.set_defaults(servers="alone")
    parser.add_argument(
        "--other-version",
        type=_tree,
        metavar="TREE",
        help="another checkout: every second gateway and worker is started from it",
    )
    parser.add_argument("--keep", type=Path, help="keep ledger, logs and the server's files here")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
