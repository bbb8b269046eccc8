"""Faults, one after the other in a random order, and how long it took until all went on."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import redis

from inspector.queue.keys import GROUP, Keys
from tests.faults.stack import MIN_IDLE, Process, Stack
from tests.support.waiting import wait_until

PAUSE_S = (0.3, 1.5)
"""Between two faults."""

DOWN_S = (0.0, 1.0)
"""How long a killed process stays away."""

RECOVERS_WITHIN_S = 30.0
"""Longer is no recovery: it is waited for no more, and stands in the report."""

WORK = Keys().work


class Injector:
    """`counts` of each fault; `moments` (s since 1970) when the server answered again; `recoveries` in s."""

    def __init__(self, stack: Stack, chance: random.Random) -> None:
        self._stack = stack
        self._chance = chance
        self.counts: Counter[str] = Counter()
        self.moments: list[float] = []
        self.recoveries: defaultdict[str, list[float]] = defaultdict(list)

    async def run(self, stop: asyncio.Event) -> None:
        """Every kind of fault once in a round, in a new order each."""
        faults: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("worker killed", self._kill_worker),
            ("worker paused beyond min_idle", self._pause_worker),
            ("worker stopped (SIGTERM)", self._stop_worker),
            ("gateway killed", self._kill_gateway),
            ("gateway paused", self._pause_gateway),
            ("server killed", self._kill_server),
            ("server paused", self._pause_server),
        ]
        while not stop.is_set():
            self._chance.shuffle(faults)
            for name, fault in faults:
                await self._sleep(PAUSE_S)
                if stop.is_set():
                    return
                self._lose_replies()
                await fault()
                self.counts[name] += 1

    def _lose_replies(self) -> None:
        for proxy in self._stack.proxies:
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
        if held:
            await self._until(lambda: not held & self._held_by(dead))
            self.recoveries["a killed worker's images at another"].append(time.monotonic() - killed_at)

    async def _pause_worker(self) -> None:
        """A zombie: its images move on, it comes back and must not write."""
        worker = self._chance.choice(self._stack.workers)
        worker.signal(signal.SIGSTOP)
        await asyncio.sleep(MIN_IDLE.total_seconds() * 1.7)
        worker.signal(signal.SIGCONT)

    async def _stop_worker(self) -> None:
        worker = self._chance.choice(self._stack.workers)
        worker.signal(signal.SIGTERM)
        await asyncio.to_thread(worker.wait)
        worker.start()

    async def _kill_gateway(self) -> None:
        gateway = self._chance.choice(self._stack.gateways)
        gateway.kill()
        await self._sleep(DOWN_S)
        gateway.start()

    async def _pause_gateway(self) -> None:
        await self._pause(self._chance.choice(self._stack.gateways))

    async def _kill_server(self) -> None:
        server = self._stack.server
        await asyncio.to_thread(server.kill)
        await self._sleep(DOWN_S)
        await asyncio.to_thread(server.start)
        self.moments.append(time.time())

    async def _pause_server(self) -> None:
        self._stack.server.pause()
        await self._sleep(DOWN_S)
        self._stack.server.resume()

    async def _pause(self, process: Process) -> None:
        process.signal(signal.SIGSTOP)
        await self._sleep(DOWN_S)
        process.signal(signal.SIGCONT)

    def _held_by(self, consumer: str) -> set[bytes]:
        """Entries in the hands of that worker."""
        with self._stack.server.client() as client:
            try:
                pending = client.xpending_range(WORK, GROUP, "-", "+", 1000, consumername=consumer)
            except redis.ResponseError:  # no worker has opened the group yet
                return set()
        return {entry["message_id"] for entry in pending}

    async def _until(self, condition: Callable[[], bool]) -> None:
        with suppress(AssertionError):  # not in time: how long it took says so
            await asyncio.to_thread(wait_until, condition, RECOVERS_WITHIN_S)

    async def _sleep(self, seconds: Sequence[float]) -> None:
        await asyncio.sleep(self._chance.uniform(*seconds))
