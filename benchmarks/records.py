"""How long the records take to answer: a page of each documented filter, and the statistics of a shift.

ask ── each question `runs` times, through the code that the gateway asks by ─▶ median, slowest
 └──── once more with EXPLAIN ANALYZE of every statement ─▶ its plan, in a line a step
"""

from __future__ import annotations

import re
import statistics as figures
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, func, select

from benchmarks.records_rows import BEGAN, EVERY_MS
from inspector.plant.plant import Plant
from inspector.records.search import Wanted, page
from inspector.records.spans import Bucket
from inspector.records.statistics import statistics
from inspector.records.tables import inspections

PAGE = 50

ENOUGH = timedelta(minutes=5)
"""More than any question may take here; the gateway's own limit would hide how slow a slow one is."""


@dataclass(frozen=True, slots=True)
class Question:
    kind: str
    name: str
    ask: Callable[[Engine], int]
    """How many rows or images the answer is of."""


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    count: int
    first_ms: float
    """Of the first time, when little of it is in memory."""
    median_ms: float
    slowest_ms: float
    plans: Sequence[str]


def rows_in(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(inspections)).scalar_one())


def ask(engine: Engine, question: Question, runs: int) -> Answer:
    took = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        count = question.ask(engine)
        took.append((time.perf_counter() - began) * 1000)
    with _listening(engine) as asked:
        question.ask(engine)
    plans = [_plan(engine, statement, values) for statement, values in asked]
    return Answer(question, count, took[0], figures.median(took[1:]), max(took[1:]), plans)


def questions(rows: int) -> list[Question]:
    """Every filter of the list alone, usual ones together, and statistics: in the middle of the records."""
    middle = BEGAN + timedelta(milliseconds=EVERY_MS) * (rows // 2)
    shift = middle.replace(minute=0, second=0, microsecond=0)
    since, until = shift, min(shift + timedelta(hours=8), BEGAN + timedelta(milliseconds=EVERY_MS) * rows)
    number = rows // 2 // 4 * 4  # of line L1
    pages: dict[str, dict[str, Any]] = {
        "none": {},
        "none, by cursor": {},
        "line": {"lines": ["L1"]},
        "two lines": {"lines": ["L1", "L3"]},
        "station": {"station": "S2"},
        "view": {"view": "top"},
        "part_id": {"part_id": f"P{number}"},
        "lot_id": {"lot_id": f"LOT-0-{number // 40_000}"},
        "recipe": {"recipe": "board-2"},
        "verdict": {"verdict": "NG"},
        "state": {"state": "failed"},
        "class": {"defect_class": "spur"},
        "min_score": {"min_score": 0.95},
        "class, min_score": {"defect_class": "spur", "min_score": 0.9},
        "class, max_score": {"defect_class": "spur", "max_score": 0.2},
        "simulated=true (none is)": {"simulated": True},
        "simulated=false": {"simulated": False},
        "since, until": {"since": since, "until": until},
        "line, verdict": {"lines": ["L1"], "verdict": "REVIEW"},
        "line, station": {"lines": ["L1"], "station": "S2"},
        "line, class": {"lines": ["L1"], "defect_class": "spur"},
        "line, lot_id, verdict": {"lines": ["L1"], "lot_id": f"LOT-0-{number // 40_000}", "verdict": "NG"},
        "line, since, until, verdict": {"lines": ["L1"], "since": since, "until": until, "verdict": "NG"},
        "class, verdict, station": {"defect_class": "spur", "verdict": "NG", "station": "S2"},
        "a lot that there is not": {"lot_id": "none"},
        "a view that there is not": {"view": "none"},
    }
    found = [
        _page(name, Wanted(**some), middle if "cursor" in name else None) for name, some in pages.items()
    ]
    span: dict[str, Any] = {"since": since, "until": until}
    found += [
        _statistics("a shift, all lines", Wanted(**span), since, until, None),
        _statistics("a shift, by hour", Wanted(**span), since, until, Bucket.HOUR),
        _statistics("a shift, one line", Wanted(lines=["L3"], **span), since, until, None),
        _statistics(
            "a shift, station and view", Wanted(station="S1", view="top", **span), since, until, None
        ),
        _statistics("a lot", Wanted(lot_id=f"LOT-0-{number // 40_000}", **span), since, until, None),
        _statistics("all there is, by day", Wanted(), BEGAN, until, Bucket.DAY),
    ]
    return found


def _page(name: str, wanted: Wanted, after: datetime | None) -> Question:
    cursor = f"{int(after.timestamp() * 1000):012x}" if after is not None else None
    return Question("page", name, lambda engine: len(page(engine, wanted, PAGE, cursor, ENOUGH).found))


def _statistics(
    name: str, wanted: Wanted, since: datetime, until: datetime, bucket: Bucket | None
) -> Question:
    plant = Plant()
    return Question(
        "statistics",
        name,
        lambda engine: statistics(engine, wanted, since, until, bucket, plant).total.judged,
    )


@contextmanager
def _listening(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    heard: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        heard.append((statement, values))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", hear)


_STEP = re.compile(
    r"^(?P<indent>\s*)(->\s+)?(?P<what>\S.*?)\s+"
    r"\(actual time=\S+\.\.(?P<ms>\S+) rows=(?P<rows>\d+) loops=(?P<loops>\d+)\)"
)


def _plan(engine: Engine, statement: str, values: Any) -> str:
    """A step a line: what, how many rows, until when."""
    with engine.connect() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF) {statement}", values)
        lines = [str(row[0]) for row in told]
    steps = [step for step in map(_STEP.match, lines) if step]
    return "\n".join(_shown(step) for step in steps)


def _shown(step: re.Match[str]) -> str:
    loops = int(step["loops"])
    indent = "  " * ((len(step["indent"]) + 4) // 6)
    rows = f"{step['rows']} rows" + (f" x {loops}" if loops > 1 else "")
    return f"{indent}{step['what']}: {rows}, {step['ms']} ms"
