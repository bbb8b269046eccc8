"""One fault run: cameras post and faults happen for a while; then quiet until all is finished; the count."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from inspector.messages.result import State
from inspector.queue.keys import Keys
from tests.faults.accounting import Counts, Held, count
from tests.faults.camera import Camera, Tally
from tests.faults.injector import Injector
from tests.faults.ledger import Acknowledgement, Ledger
from tests.faults.stack import Stack
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

KEYS = Keys()

QUIET_WITHIN_S = 120.0
"""For what is accepted to be finished once nothing is broken any more."""

AT_ONCE = 1000
"""Entries or states of one read."""


@dataclass(frozen=True, slots=True)
class Plan:
    folder: Path
    seconds: float
    seed: int
    cameras: int = 4
    gateways: int = 2
    workers: int = 3
    real_workers: int = 0
    """Workers with the shipped model, beside those with the delayed engine."""
    rate: float = 10.0
    """Parts a second of each camera, as long as they are taken."""


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    counts: Counts
    tally: Tally
    faults: Mapping[str, int]
    recoveries: Mapping[str, Sequence[float]]
    """Seconds, by what recovered."""
    died: Sequence[str]
    """Processes that ended though nobody told them to."""
    server: str
    """Its name and version."""

    @property
    def sound(self) -> bool:
        return self.counts.sound and not self.tally.refused and not self.died


def run(plan: Plan) -> Report:
    """Raises AssertionError when the stack does not start, or accepted images do not come to an end."""
    stack = Stack(
        plan.folder,
        gateways=plan.gateways,
        workers=plan.workers,
        real_workers=plan.real_workers,
        minutes_kept=plan.seconds / 60 + 30,
    )
    with stack:
        ledger, tally, chance = Ledger(plan.folder / "ledger.jsonl"), Tally(), random.Random(plan.seed)
        injector = Injector(stack, random.Random(plan.seed))
        asyncio.run(_break_things(plan, stack, injector, ledger, tally, chance))
        ledger.close()
        with stack.server.client() as client:
            wait_until(lambda: client.xlen(KEYS.work) == 0, QUIET_WITHIN_S, "the end of all accepted images")
            return _report(plan, stack, injector, ledger.read(), tally, client)


async def _break_things(
    plan: Plan, stack: Stack, injector: Injector, ledger: Ledger, tally: Tally, chance: random.Random
) -> None:
    images = [jpeg(64, 48 + number) for number in range(20)]
    stop, end = asyncio.Event(), asyncio.Event()
    cameras = [
        Camera(f"L{number + 1}", stack.urls, images, ledger, tally, random.Random(chance.random()), plan.rate)
        for number in range(plan.cameras)
    ]
    posting = [asyncio.create_task(camera.run(stop, end)) for camera in cameras]
    breaking = asyncio.create_task(injector.run(stop))
    await asyncio.sleep(plan.seconds)
    stop.set()
    await breaking
    _, late = await asyncio.wait(posting, timeout=QUIET_WITHIN_S)
    end.set()
    await asyncio.gather(*posting, *late)


def _report(
    plan: Plan,
    stack: Stack,
    injector: Injector,
    acknowledged: list[Acknowledgement],
    tally: Tally,
    client: redis.Redis,
) -> Report:
    announced, finished_at = _announced(client)
    held = _held(client, {one.id for one in acknowledged})
    recoveries = dict(injector.recoveries)
    accepted_at = sorted(one.at for one in acknowledged)
    recoveries["a restarted server to the next acknowledgement"] = _next(injector.moments, accepted_at)
    recoveries["a restarted server to the next outcome"] = _next(injector.moments, finished_at)
    info = client.info("server")
    return Report(
        plan,
        count(acknowledged, held, announced),
        tally,
        dict(injector.counts),
        recoveries,
        [one.name for one in (*stack.gateways, *stack.workers) if one.ended_by_itself()],
        f"{info.get('server_name', 'redis')} {info.get('valkey_version', info['redis_version'])}",
    )


def _announced(client: Any) -> tuple[Counter[str], list[float]]:
    """How often the outcome of each id was announced; and when outcomes were, in seconds since 1970."""
    times: Counter[str] = Counter()
    at: list[float] = []
    cursor = "-"
    while entries := client.xrange(KEYS.results, cursor, "+", count=AT_ONCE):
        times.update(fields[b"id"].decode() for _, fields in entries)
        at += [int(entry.split(b"-")[0]) / 1000 for entry, _ in entries]
        cursor = f"({entries[-1][0].decode()}"
    return times, at


def _held(client: redis.Redis, ids: set[str]) -> dict[str, Held]:
    held: dict[str, Held] = {}
    known = sorted(ids)
    for first in range(0, len(known), AT_ONCE):
        some = known[first : first + AT_ONCE]
        pipeline = client.pipeline(transaction=False)
        for one in some:
            pipeline.hmget(KEYS.state(one), "state", "token")
        for one, (state, token) in zip(some, pipeline.execute(), strict=True):
            if state is not None:
                held[one] = Held(State(state.decode()), _deliveries(token))
    return held


def _deliveries(token: bytes | None) -> int:
    """Of "<entry>/<consumer>/<delivery count>"; a gateway that expires has no delivery."""
    return int(token.rpartition(b"/")[2]) if token else 0


def _next(moments: Sequence[float], events: Sequence[float]) -> list[float]:
    """Seconds from each moment to the first event behind it; `events` in order."""
    places = [(moment, bisect_left(events, moment)) for moment in moments]
    return [events[place] - moment for moment, place in places if place < len(events)]
