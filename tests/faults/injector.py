"""Faults, one after the other in a random order, and how long it took until all went on."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import redis

from inspector.queue.keys import GROUP, Keys
from inspector.queue.sharded import shard_of
from tests.faults.ledger import Ledger
from tests.faults.stack import MIN_IDLE, Process, Stack, ready
from tests.support.servers import QueueServer
from tests.support.waiting import wait_until

DOWN_S = (0.0, 1.0)
"""How long a killed process stays away."""

PAUSED_S = MIN_IDLE.total_seconds() * 1.7
"""Of a worker: long enough that its images move on."""

RECOVERS_WITHIN_S = 30.0
"""Longer is no recovery: it is waited for no more, and stands in the report."""

WHOLE_WITHIN_S = 60.0
"""For the replicas to be in step again."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When some shards' server began to come back, or with replicas, when it was lost; seconds since 1970."""

    what: str
    at: float
    """From here it is counted."""
    back_at: float
    """Only what comes from here on shows that it is back: an answer may have been under way at its loss."""
    shards: frozenset[int]


class Injector:
    """`counts` of each fault; `recoveries` in s, by what recovered; `moments` from which the run counts on to
    the next acknowledgement and the next outcome. `every_s` is the mean pause between two faults."""

    def __init__(self, stack: Stack, ledger: Ledger, chance: random.Random, every_s: float) -> None:
        self._stack = stack
        self._ledger = ledger
        self._stop = asyncio.Event()
        self._servers = stack.servers
        self._chance = chance
        self._pause_s = (every_s / 3, every_s * 5 / 3)
        self.counts: Counter[str] = Counter()
        self.moments: list[Moment] = []
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)

    async def run(self, stop: asyncio.Event) -> None:
        """Every kind of fault once in a round, in a new order each. Once."""
        self._stop = stop
        server = "primary" if self._servers.fails_over else "server"
        faults: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("worker killed", self._kill_worker),
            ("worker paused beyond min_idle", self._pause_worker),
            ("worker stopped (SIGTERM)", self._stop_worker),
            ("gateway killed", self._kill_gateway),
            ("gateway paused", self._pause_gateway),
            (f"{server} killed", self._kill_server),
            (f"{server} paused", self._pause_server),
        ]
        while not stop.is_set():
            self._chance.shuffle(faults)
            for name, fault in faults:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), self._chance.uniform(*self._pause_s))
                if stop.is_set():
                    return
                self._lose_replies()
                await fault()
                self.counts[name] += 1

    # --- workers and gateways -----------------------------------------------------------------------------

    def _lose_replies(self) -> None:
        for proxy in self._servers.proxies:
            if self._chance.random() < 0.5:
                proxy.lose_next_reply()
                self.counts["reply lost"] += 1

    async def _kill_worker(self) -> None:
        worker = self._chance.choice(self._stack.workers)
        dead = worker.alias
        worker.kill()
        killed_at = time.monotonic()
        held = await asyncio.to_thread(self._held_by, dead)
        await self._sleep(DOWN_S)
        worker.start()
        await self._until_elsewhere(held, dead, killed_at, "a killed worker's images at another")

    async def _pause_worker(self) -> None:
        """A zombie: its images move on, it comes back and must not write."""
        worker = self._chance.choice(self._stack.workers)
        worker.signal(signal.SIGSTOP)
        paused_at = time.monotonic()
        held = await asyncio.to_thread(self._held_by, worker.alias)
        await self._until_elsewhere(held, worker.alias, paused_at, "a paused worker's images at another")
        await asyncio.sleep(max(0.0, paused_at + PAUSED_S - time.monotonic()))
        worker.signal(signal.SIGCONT)

    async def _stop_worker(self) -> None:
        worker = self._chance.choice(self._stack.workers)
        stopped_at = time.monotonic()
        worker.signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait)
        self._recovered("a stopped worker's drain", stopped_at)
        worker.start()

    async def _kill_gateway(self) -> None:
        """The others serve meanwhile: the next fault waits until there are as many as before."""
        url, gateway = self._any_gateway()
        gateway.kill()
        await self._sleep(DOWN_S)
        gateway.start()
        started_at = time.monotonic()
        await self._until(lambda: ready(url))
        self._recovered("a killed gateway, from its start to ready", started_at)

    async def _pause_gateway(self) -> None:
        url, gateway = self._any_gateway()
        gateway.signal(signal.SIGSTOP)
        await self._sleep(DOWN_S)
        gateway.signal(signal.SIGCONT)
        woken_at = time.monotonic()
        await self._until(lambda: ready(url))
        self._recovered("a paused gateway, from its waking to ready", woken_at)

    # --- servers ------------------------------------------------------------------------------------------

    async def _kill_server(self) -> None:
        """Alone, it is started again; else a replica takes over, and it comes back as another. The next fault
        waits until images are taken again, so that a recovery is of one fault."""
        server, shards = await self._any_server()
        lost_at = time.time()
        await asyncio.to_thread(server.kill)
        await self._sleep(DOWN_S)
        if self._servers.fails_over:
            await self._until_replaced(server, shards, lost_at, "a killed primary")
            await asyncio.to_thread(server.start)
        else:
            started_at = time.time()
            await asyncio.to_thread(server.start)
            self.moments.append(Moment("a killed server's start", started_at, time.time(), shards))
        await self._until_taken(self.moments[-1])

    async def _pause_server(self) -> None:
        """With replicas, until one takes over while it sleeps: it wakes as a zombie."""
        server, shards = await self._any_server()
        lost_at = time.time()
        server.pause()
        if self._servers.fails_over:
            await self._until_replaced(server, shards, lost_at, "a paused primary")
            server.resume()
        else:
            await self._sleep(DOWN_S)
            woken_at = time.time()
            server.resume()
            self.moments.append(Moment("a paused server's waking", woken_at, woken_at, shards))
        await self._until_taken(self.moments[-1])

    async def _any_server(self) -> tuple[QueueServer, frozenset[int]]:
        """A primary and its shards, once all replicas are in step: the loss of a primary together with its
        only copy is not survived."""
        if self._servers.fails_over:
            await asyncio.to_thread(wait_until, self._servers.whole, WHOLE_WITHIN_S, "replicas in step")
        holders = [await asyncio.to_thread(self._servers.holder, one) for one in range(self._servers.shards)]
        server = self._chance.choice(holders)
        return server, frozenset(shard for shard, one in enumerate(holders) if one is server)

    async def _until_replaced(
        self, server: QueueServer, shards: frozenset[int], lost_at: float, what: str
    ) -> None:
        await self._until(lambda: all(self._servers.holder(shard) is not server for shard in shards))
        now = time.time()
        self.recoveries[f"{what}'s loss, to another primary"].append(now - lost_at)
        self.moments.append(Moment(f"{what}'s loss", lost_at, now, shards))

    async def _until_taken(self, moment: Moment) -> None:
        """An image of each line on these shards; not once the cameras stop."""
        lines = [
            line for line in self._ledger.newest if shard_of(line, self._servers.shards) in moment.shards
        ]

        def taken() -> bool:
            return all(self._ledger.newest[line] >= moment.back_at for line in lines)

        await self._until(lambda: taken() or self._stop.is_set())

    # --- what they have in common -------------------------------------------------------------------------

    def _any_gateway(self) -> tuple[str, Process]:
        return self._chance.choice(list(zip(self._stack.urls, self._stack.gateways, strict=True)))

    def _held_by(self, consumer: str) -> set[tuple[int, bytes]]:
        """(shard, entry) in the hands of that worker."""
        shards = range(self._servers.shards)
        return {(shard, entry) for shard in shards for entry in self._pending(shard, consumer)}

    def _pending(self, shard: int, consumer: str) -> set[bytes]:
        with self._servers.holder(shard).client() as client:
            try:
                pending = client.xpending_range(
                    Keys(str(shard)).work, GROUP, "-", "+", 1000, consumername=consumer
                )
            except redis.ResponseError:  # no worker has opened the group yet
                return set()
        return {entry["message_id"] for entry in pending}

    async def _until_elsewhere(
        self, held: set[tuple[int, bytes]], worker: str, since: float, what: str
    ) -> None:
        if held:
            await self._until(lambda: not held & self._held_by(worker))
            self._recovered(what, since)

    def _recovered(self, what: str, since: float) -> None:
        self.recoveries[what].append(time.monotonic() - since)

    async def _until(self, condition: Callable[[], bool]) -> None:
        with suppress(AssertionError):  # not in time: how long it took says so
            await asyncio.to_thread(wait_until, condition, RECOVERS_WITHIN_S)

    async def _sleep(self, seconds: Sequence[float]) -> None:
        await asyncio.sleep(self._chance.uniform(*seconds))
