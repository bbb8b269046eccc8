"""A queue server that hangs is told within a second: a waiting camera is better off with an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from inspector.errors import QueueUnavailable

T = TypeVar("T")

LOOK_S = 0.7
"""A look at the queue takes a millisecond, a small image on a busy disk some ten."""

SLOWEST_BYTES_PER_S = 16 << 20
"""Of a large image to the server and its disk, on top of LOOK_S; a gigabit network does seven times that."""


async def promptly(reply: Awaitable[T], *, more_s: float = 0.0) -> T:
    """The reply. Raises QueueUnavailable when it has not come within LOOK_S + `more_s` seconds."""
    limit = LOOK_S + more_s
    try:
        async with asyncio.timeout(limit):
            return await reply
    except TimeoutError:
        raise QueueUnavailable(f"the queue server did not answer within {limit:.2g} s") from None
