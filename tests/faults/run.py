"""One fault run: cameras post and faults happen for a while; then quiet until all is finished; the count."""

from __future__ import annotations

import asyncio
import os
import random
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import redis

from inspector.messages.result import State
from inspector.queue.keys import Keys
from inspector.queue.sharded import shard_of
from tests.faults.accounting import Counts, Held, count
from tests.faults.camera import Camera, Tally
from tests.faults.injector import WHOLE_WITHIN_S, Injector, Moment
from tests.faults.ledger import Acknowledgement, Ledger
from tests.faults.servers import lines_on
from tests.faults.stack import Stack
from tests.faults.versions import Tree
from tests.support.pictures import jpeg
from tests.support.waiting import wait_until

QUIET_WITHIN_S = 120.0
"""For what is accepted to be finished once nothing is broken any more."""

AT_ONCE = 1000
"""Entries or states of one read."""

MOST_IMAGES = 100
"""Different ones that the cameras post."""


@dataclass(frozen=True, slots=True)
class Plan:
    folder: Path
    seconds: float
    seed: int
    servers: str = "alone"
    """One of servers.KINDS."""
    cameras: int = 4
    gateways: int = 2
    workers: int = 3
    real_workers: int = 0
    """Workers with the shipped model, beside those with the delayed engine."""
    images: Path | None = None
    """A folder whose JPEGs the cameras post; None: small ones that are made here."""
    other: Tree | None = None
    """Another version, of which every second gateway and worker is."""
    rate: float = 10.0
    """Parts a second of each camera, as long as they are taken."""
    every_s: float = 0.9
    """Mean pause between the end of one fault and the next."""


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    counts: Counts
    tally: Tally
    faults: Mapping[str, int]
    recoveries: Mapping[str, Sequence[float]]
    """Seconds, by what recovered."""
    runs: int | None
    """Images that models began to run on. None: not all workers count them."""
    died: Sequence[str]
    """Processes that ended though nobody told them to."""
    server: str
    """Its name and version, and the durability."""
    load: float
    """Of the machine in the last minute: processes that run or want to."""

    @property
    def sound(self) -> bool:
        return self.counts.sound and not self.tally.refused and not self.died

    @property
    def run_again(self) -> int | None:
        """Runs beyond the one that gave an image its result. Counts too what ran and then expired."""
        return None if self.runs is None else self.runs - self.counts.states.get(State.DONE, 0)


def run(plan: Plan) -> Report:
    """Raises AssertionError when the stack does not start, or accepted images do not come to an end."""
    images = _images(plan.images)
    stack = Stack(
        plan.folder,
        plan.servers,
        gateways=plan.gateways,
        workers=plan.workers,
        real_workers=plan.real_workers,
        minutes_kept=plan.seconds / 60 + 30,
        inline_limit=sorted(map(len, images))[len(images) // 2],  # half of them lie in the blob store
        other=plan.other,
    )
    with stack:
        ledger, tally, chance = Ledger(plan.folder / "ledger.jsonl"), Tally(), random.Random(plan.seed)
        cameras = [
            Camera(
                line,
                stack.urls,
                images,
                ledger,
                tally,
                random.Random(chance.random()),
                plan.rate,
                re_inspects=plan.other is None,
            )
            for line in islice(lines_on(stack.servers.shards), plan.cameras)
        ]
        injector = Injector(stack, ledger, random.Random(plan.seed), plan.every_s)
        asyncio.run(_break_things(plan.seconds, injector, cameras))
        ledger.close()
        wait_until(stack.servers.whole, WHOLE_WITHIN_S, "replicas in step")
        with ExitStack() as closing:
            held = [stack.servers.holder(shard) for shard in range(stack.servers.shards)]
            clients = [closing.enter_context(server.client()) for server in held]
            wait_until(lambda: _ended(clients), QUIET_WITHIN_S, "the end of all accepted images")
            return _report(plan, stack, injector, ledger.read(), tally, clients)


def _images(folder: Path | None) -> list[bytes]:
    """Raises ValueError for a folder without JPEGs."""
    if folder is None:
        return [jpeg(64, 48 + number) for number in range(20)]
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not paths:
        raise ValueError(f"no JPEG is in {folder}")
    return [path.read_bytes() for path in paths[:: -(-len(paths) // MOST_IMAGES)]]


async def _break_things(seconds: float, injector: Injector, cameras: Sequence[Camera]) -> None:
    stop, end = asyncio.Event(), asyncio.Event()
    posting = [asyncio.create_task(camera.run(stop, end)) for camera in cameras]
    breaking = asyncio.create_task(injector.run(stop))
    await asyncio.wait([breaking], timeout=seconds)  # earlier only if it raises
    stop.set()
    await breaking
    _, late = await asyncio.wait(posting, timeout=QUIET_WITHIN_S)
    end.set()
    await asyncio.gather(*posting, *late)


def _ended(clients: Sequence[redis.Redis]) -> bool:
    return all(client.xlen(Keys(str(shard)).work) == 0 for shard, client in enumerate(clients))


def _report(
    plan: Plan,
    stack: Stack,
    injector: Injector,
    acknowledged: list[Acknowledgement],
    tally: Tally,
    clients: Sequence[redis.Redis],
) -> Report:
    announced: Counter[str] = Counter()
    outcomes: list[list[float]] = []
    ids = {one.id for one in acknowledged}
    held: dict[str, Held] = {}
    for shard, client in enumerate(clients):
        times, at = _announced(client, Keys(str(shard)))
        announced.update(times)
        outcomes.append(at)
        held.update(_held(client, Keys(str(shard)), ids))
    accepted: list[list[float]] = [[] for _ in clients]
    for one in sorted(acknowledged, key=lambda one: one.at):
        accepted[shard_of(one.line, len(clients))].append(one.at)
    recoveries = dict(injector.recoveries)
    recoveries.update(recovered(injector.moments, accepted, "the next acknowledgement"))
    recoveries.update(recovered(injector.moments, outcomes, "the next outcome"))
    return Report(
        plan,
        count(acknowledged, held, announced),
        tally,
        dict(injector.counts),
        recoveries,
        None if plan.other else _runs(stack.runs),
        [one.name for one in (*stack.gateways, *stack.workers) if one.ended_by_itself()],
        _version(clients[0], stack),
        os.getloadavg()[0],
    )


def _version(client: redis.Redis, stack: Stack) -> str:
    info = client.info("server")
    name, version = info.get("server_name", "redis"), info.get("valkey_version", info["redis_version"])
    return f"{name} {version} ({stack.servers.durability}, {stack.servers.name})"


def _announced(client: Any, keys: Keys) -> tuple[Counter[str], list[float]]:
    """How often the outcome of each id was announced; and when outcomes were, in seconds since 1970."""
    times: Counter[str] = Counter()
    at: list[float] = []
    cursor = "-"
    while entries := client.xrange(keys.results, cursor, "+", count=AT_ONCE):
        times.update(fields[b"id"].decode() for _, fields in entries)
        at += [int(entry.split(b"-")[0]) / 1000 for entry, _ in entries]
        cursor = f"({entries[-1][0].decode()}"
    return times, at


def _held(client: redis.Redis, keys: Keys, ids: set[str]) -> Iterator[tuple[str, Held]]:
    """Of those ids that this shard knows."""
    known = sorted(ids)
    for first in range(0, len(known), AT_ONCE):
        some = known[first : first + AT_ONCE]
        pipeline = client.pipeline(transaction=False)
        for one in some:
            pipeline.hmget(keys.state(one), "state", "token")
        for one, (state, token) in zip(some, pipeline.execute(), strict=True):
            if state is not None:
                _, worker, deliveries = token.decode().split("/") if token else ("", "", "0")
                yield one, Held(State(state.decode()), int(deliveries), worker)


def _runs(file: Path) -> int:
    return sum(int(line) for line in file.read_text(encoding="ascii").splitlines())


def recovered(
    moments: Sequence[Moment], events: Sequence[Sequence[float]], event: str
) -> Mapping[str, list[float]]:
    """Seconds from each moment to the first event that shows it over, on each of its shards; `events` of each
    shard, in order."""
    passed: defaultdict[str, list[float]] = defaultdict(list)
    for moment in moments:
        for shard in sorted(moment.shards):
            place = bisect_left(events[shard], moment.back_at)
            if place < len(events[shard]):
                passed[f"{moment.what}, to {event}"].append(events[shard][place] - moment.at)
    return passed
