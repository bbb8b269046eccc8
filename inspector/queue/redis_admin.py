"""Admin on Redis: the queue's figures in one round trip."""

from __future__ import annotations

import asyncio

from inspector.queue.base import QueueStatus
from inspector.queue.keys import DRAIN, GROUP, Keys
from inspector.queue.redis_connection import AsyncLink, translated
from inspector.queue.reports import living
from inspector.queue.scripting import Command, Reply

PING_WITHIN_S = 1.0
"""Readiness is asked every few seconds; a server that takes longer is not ready."""


class RedisAdmin:
    def __init__(self, url: str) -> None:
        self._keys = Keys()
        self._link = AsyncLink(url)

    async def status(self) -> QueueStatus:
        time, totals, depth, oldest, pending, dead, reports = await self._link.exchange(
            self._questions(), absent="NOGROUP"
        )
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        return QueueStatus(
            depth=depth,
            in_flight=_in_flight(pending),
            bytes=int(totals[0] or 0),
            recent_bytes=int(totals[1] or 0),
            oldest_age_s=_age_s(oldest, now_ms),
            dead_letters=dead,
            workers=living(reports, now_ms),
        )

    async def ping(self) -> None:
        with translated():
            async with asyncio.timeout(PING_WITHIN_S):
                await self._link.ask("PING")

    async def aclose(self) -> None:
        await self._link.aclose()

    def _questions(self) -> list[Command]:
        keys = self._keys
        return [
            ["TIME"],
            ["HMGET", keys.totals, "bytes", "recent"],
            ["XLEN", keys.work],
            ["XRANGE", keys.work, "-", "+", "COUNT", 1],
            ["XPENDING", keys.work, GROUP],
            ["XLEN", keys.dead],
            ["HVALS", keys.workers],
        ]


def _in_flight(pending: Reply) -> int:
    """Of [all, first, last, [[consumer, its own], ...]]; nothing where no worker has opened the group yet."""
    held = (pending[3] or []) if pending else []
    return sum(int(count) for name, count in held if name != DRAIN.encode())


def _age_s(oldest: Reply, now_ms: int) -> float:
    if not oldest:
        return 0.0
    accepted_ms = int(oldest[0][0].split(b"-")[0])
    return max(0.0, (now_ms - accepted_ms) / 1000)
