"""Admin on Redis: the queue's figures in one round trip."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from inspector.queue.base import (
    KNOWN_ID_BYTES,
    Budgets,
    DeadLetter,
    Durability,
    QueueStatus,
    ServerHealth,
    SettingsHidden,
)
from inspector.queue.keys import GROUP, Keys
from inspector.queue.letters import no_letter, reopened
from inspector.queue.redis_connection import AsyncLink, ServerRefusal, translated
from inspector.queue.replication import replication
from inspector.queue.reports import living
from inspector.queue.scripting import DROP, REQUEUE, Call, Command, Reply

PING_WITHIN_S = 1.0
"""Readiness is asked every few seconds; a server that takes longer is not ready."""


KEEPING = ("appendonly", "appendfsync", "min-replicas-to-write")
"""The server's settings that decide what an acknowledgement outlives."""


HIDING = {"ERR", "NOPERM"}
"""What a server says that does not show its settings or figures: a managed one, or not to this user."""

HEALTH = ("memory", "persistence", "replication")
"""Parts of INFO."""

AOF_STATES = ("aof_last_write_status", "aof_last_bgrewrite_status")
"""Fields of INFO: "ok", or "err" from a failure (of a full disk, mostly) until the next success."""


def needed(durability: Durability) -> dict[str, str]:
    """What the server's settings must be for that level."""
    fsync = "everysec" if durability is Durability.D1 else "always"
    replicas = {"min-replicas-to-write": "1"} if durability is Durability.D3 else {}
    return {"appendonly": "yes", "appendfsync": fsync, **replicas}


class RedisAdmin:
    def __init__(self, url: str, keys: Keys, budgets: Budgets) -> None:
        self._budgets = budgets
        self._keys = keys
        self._link = AsyncLink(url, keys)

    async def status(self) -> QueueStatus:
        time, totals, known, depth, oldest, pending, dead, reports = await self._link.exchange(
            self._questions(), absent="NOGROUP"
        )
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        return QueueStatus(
            depth=depth,
            in_flight=_in_flight(pending),
            bytes=int(totals[0] or 0),
            known_bytes=_known_ids(known, now_ms) * KNOWN_ID_BYTES,
            recent_bytes=int(totals[1] or 0),
            archive_bytes=int(totals[2] or 0),
            oldest_age_s=_age_s(oldest, now_ms),
            dead_letters=dead,
            workers=living(reports, now_ms),
        )

    async def dead_letters(self, limit: int) -> list[DeadLetter]:
        if limit < 1:
            return []
        entries = await self._link.ask("XREVRANGE", self._keys.dead, "+", "-", "COUNT", limit)
        return [_letter(entry) for entry in entries]

    async def dead_letter(self, inspection_id: str) -> DeadLetter:
        held = await self._link.ask("HGET", self._keys.state(inspection_id), "dead")
        entries = await self._link.ask("XRANGE", self._keys.dead, held, held) if held else []
        if not entries:
            raise no_letter(inspection_id)
        return _letter(entries[0])

    async def requeue(self, inspection_id: str) -> None:
        keys = self._keys
        await self.dead_letter(inspection_id)
        job = reopened(await self._link.ask("GET", keys.job(inspection_id)))
        own = [keys.state(inspection_id), keys.job(inspection_id)]
        shared = [keys.work, keys.dead, keys.totals, keys.ring]
        [reply] = await self._link.run([Call(REQUEUE, [*shared, *own, keys.lines], [inspection_id, job])])
        if reply != b"REQUEUED":
            raise no_letter(inspection_id)

    async def drop(self, inspection_id: str) -> None:
        keys = self._keys
        forget_ms = int(self._budgets.forget_after.total_seconds() * 1000)
        touched = [keys.dead, keys.totals, keys.state(inspection_id)]
        [reply] = await self._link.run([Call(DROP, touched, [keys.prefix, forget_ms])])
        if reply != b"DROPPED":
            raise no_letter(inspection_id)

    async def shortfall(self, durability: Durability) -> str | None:
        asked: list[Command] = [["CONFIG", "GET", name] for name in KEEPING]
        try:
            replies = await self._link.exchange(asked)
        except ServerRefusal as refusal:
            if refusal.kind not in HIDING:
                raise
            raise SettingsHidden(f"{refusal} (its user needs +config|get)") from refusal
        held = dict(zip(KEEPING, (_value(reply) for reply in replies), strict=True))
        lacking = [
            f"{name} {value}" for name, value in needed(durability).items() if not _is(held[name], value)
        ]
        return f"{durability} needs {', '.join(lacking)} of the queue server" if lacking else None

    async def server(self) -> ServerHealth | None:
        try:
            replies = await self._link.exchange([["INFO", part] for part in HEALTH])
        except ServerRefusal as refusal:
            if refusal.kind not in HIDING:
                raise
            return None
        said = _fields(b"".join(replies[:2]))
        replicas = replication(replies[2]).in_step
        return ServerHealth(
            memory_bytes=int(said["used_memory"]),
            memory_limit_bytes=int(said.get("maxmemory", 0)),
            aof_sound=all(said.get(name, "ok") == "ok" for name in AOF_STATES),
            aof_bytes=int(said.get("aof_current_size", 0)),
            replicas=replicas,
            most_replicas=replicas,
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
            ["HMGET", keys.totals, "bytes", "recent", "archive"],
            ["HGETALL", keys.known],
            ["XLEN", keys.work],
            ["XRANGE", keys.work, "-", "+", "COUNT", 1],
            ["XPENDING", keys.work, GROUP],
            ["XLEN", keys.dead],
            ["HVALS", keys.workers],
        ]


def _value(reply: Reply) -> str:
    """Of [name, value]; an older server may not know the name."""
    return reply[1].decode() if reply else ""


def _fields(info: bytes) -> dict[str, str]:
    """Of INFO: lines `name:value`, and headings."""
    pairs = (line.partition(":") for line in info.decode().splitlines())
    return {name: value for name, colon, value in pairs if colon}


def _is(held: str, wanted: str) -> bool:
    """Whether it is that or better: always is everysec too, and two replicas are one."""
    if wanted.isdigit():
        return held.isdigit() and int(held) >= int(wanted)
    return held == wanted or (wanted == "everysec" and held == "always")


def _known_ids(slices: Reply, now_ms: int) -> int:
    """As known.lua counts them."""
    ends = zip(slices[0::2], slices[1::2], strict=True)
    return sum(int(count) for end, count in ends if int(end) > now_ms)


def _letter(entry: Reply) -> DeadLetter:
    """Of [stream id, fields]; the id begins with the milliseconds of its burial."""
    named = dict(zip(entry[1][0::2], entry[1][1::2], strict=True))
    return DeadLetter(
        id=named[b"id"].decode(),
        line=named[b"line"].decode(),
        died_at=datetime.fromtimestamp(int(entry[0].split(b"-")[0]) / 1000, UTC),
        consumer=named[b"consumer"].decode(),
        deliveries=int(named[b"deliveries"]),
        size=int(named[b"bytes"]),
        error=named[b"error"],
    )


def _in_flight(pending: Reply) -> int:
    """Of [all, first, last, [[consumer, its own], ...]]; nothing where no worker has opened the group yet."""
    return int(pending[0]) if pending else 0


def _age_s(oldest: Reply, now_ms: int) -> float:
    if not oldest:
        return 0.0
    accepted_ms = int(oldest[0][0].split(b"-")[0])
    return max(0.0, (now_ms - accepted_ms) / 1000)
