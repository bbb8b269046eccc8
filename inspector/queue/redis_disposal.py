"""Disposal on Redis: which files of the blob store nothing needs any more."""

from __future__ import annotations

from collections.abc import Sequence

from inspector.queue.base import FORSAKEN_FOR, KEEP_DISCARDED
from inspector.queue.keys import Keys
from inspector.queue.redis_connection import AsyncLink
from inspector.queue.scripting import FORSAKE, Call, Command, Word


class RedisDisposal:
    def __init__(self, url: str, keys: Keys) -> None:
        self._keys = keys
        self._link = AsyncLink(url, keys)

    async def mark(self, proposed: str) -> str:
        key = self._keys.mark
        _, mark = await self._link.exchange([["SET", key, proposed, "NX"], ["GET", key]])
        return str(mark.decode())

    async def holds(self) -> bool:
        return bool(await self._link.ask("EXISTS", self._keys.blobs))

    async def discarded(self, limit: int) -> list[str]:
        if limit < 1:
            return []
        oldest: Command = ["ZRANGE", self._keys.discarded, 0, limit - 1, "WITHSCORES"]
        (seconds, micros), found = await self._link.exchange([["TIME"], oldest])
        now_ms = int(seconds) * 1000 + int(micros) // 1000
        until_ms = now_ms - KEEP_DISCARDED.total_seconds() * 1000
        pairs = zip(found[0::2], found[1::2], strict=True)
        return [one.decode() for one, at_ms in pairs if int(at_ms) <= until_ms]

    async def deleted(self, inspection_ids: Sequence[str]) -> None:
        if inspection_ids:
            await self._link.ask("ZREM", self._keys.discarded, *inspection_ids)

    async def forsake(self, inspection_ids: Sequence[str]) -> list[str]:
        if not inspection_ids:
            return []
        arguments: list[Word] = [self._keys.prefix, int(FORSAKEN_FOR.total_seconds() * 1000), *inspection_ids]
        [given_up] = await self._link.run(
            [Call(FORSAKE, [self._keys.blobs, self._keys.discarded], arguments)]
        )
        return [one.decode() for one in given_up]

    async def aclose(self) -> None:
        await self._link.aclose()
