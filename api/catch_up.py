"""What a viewer missed that the hub no longer remembers: read again from the result stream, ten minutes back.

A viewer who comes back holds no memory for it but what one read of the stream brings: it is passed on as
fast as the client takes it, while what is new waits in the viewer's own buffer. How far back it goes is the
queue's (`results_kept`, and longer while an archiver has not recorded it).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from inspector.queue.base import Announcement, Results

IDLE_S = 0.5
"""Nothing more comes within it: the stream was read to its end."""

_CURSOR = re.compile(r"[0-9]{1,20}(-[0-9]{1,20})?(,[0-9]{1,20}(-[0-9]{1,20})?){0,63}")

Order = tuple[tuple[int, ...], ...]
"""Of each shard its own place."""


def order(cursor: str) -> Order | None:
    """None for what is no cursor."""
    if not _CURSOR.fullmatch(cursor):
        return None
    return tuple(tuple(map(int, one.split("-"))) for one in cursor.split(","))


def reaches(one: Order | None, other: Order | None) -> bool:
    """Whether `one` is at or behind `other` on every shard."""
    if one is None or other is None or len(one) != len(other):
        return False
    return all(mine >= its for mine, its in zip(one, other, strict=True))


async def missed(results: Results, after: str, until: str) -> AsyncIterator[Announcement]:
    """Those behind `after`, up to `until`, or to the stream's end. Raises QueueUnavailable."""
    end = order(until)
    if reaches(order(after), end):
        return
    async with aclosing(results.follow(after)) as announcements:
        with suppress(TimeoutError, StopAsyncIteration):
            while True:
                async with asyncio.timeout(IDLE_S):
                    announcement = await anext(announcements)
                yield announcement
                if reaches(order(announcement.cursor), end):
                    return
