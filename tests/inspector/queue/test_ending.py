from __future__ import annotations

import asyncio
from contextlib import suppress

from inspector.queue.ending import end


def test_a_task_that_swallows_a_cancellation_is_cancelled_again() -> None:
    async def stubborn(times: int) -> None:
        for _ in range(times):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
        await asyncio.sleep(60)

    async def run() -> list[bool]:
        tasks = [asyncio.create_task(stubborn(times)) for times in (0, 1, 2)]
        await asyncio.sleep(0)
        await end(tasks)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(run()) == [True, True, True]


def test_nothing_to_end_is_ended() -> None:
    asyncio.run(end([]))
