"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_PAUSE_S = 0.01


def wait_until(condition: Callable[[], T], timeout_s: float = 10.0, what: str = "the condition") -> T:
    """The first true value that `condition` gives; AssertionError naming `what` when none came in time."""
    end = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout_s} s there was still not: {what}")
        time.sleep(_PAUSE_S)
    return value


async def wait_until_async(
    condition: Callable[[], Awaitable[T]], timeout_s: float = 10.0, what: str = "the condition"
) -> T:
    """As wait_until, for a condition that has to be awaited."""
    end = time.monotonic() + timeout_s
    while not (value := await condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout_s} s there was still not: {what}")
        await asyncio.sleep(_PAUSE_S)
    return value
