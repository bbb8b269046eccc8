"""Wait for the first of several works."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first(*works: Coroutine[Any, Any, object]) -> None:
    """Until one is done; the others are cancelled, and their ends awaited. Raises what the first raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        # A child that is being started must not appear after the stop.
        await asyncio.gather(*tasks, return_exceptions=True)
