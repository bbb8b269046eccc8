from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine

import pytest

from api.catch_up import order, reaches
from api.hub import Hub
from inspector.errors import InspectionNotFound, QueueUnavailable
from inspector.messages.result import Outcome, State
from inspector.queue.base import Announcement, Snapshot
from inspector.queue.memory import MemoryQueue, MemoryResults
from tests.support.waiting import wait_until_async


class Stream(MemoryResults):
    """A result stream by hand: says what is put into it, breaks when told."""

    def __init__(self) -> None:
        super().__init__(MemoryQueue().store)
        self.coming: asyncio.Queue[Announcement | QueueUnavailable] = asyncio.Queue()
        self.asked: list[str] = []
        self.states: dict[str, Snapshot] = {}

    async def follow(self, after: str = "$") -> AsyncGenerator[Announcement]:
        self.asked.append(after)
        while True:
            item = await self.coming.get()
            if isinstance(item, QueueUnavailable):
                raise item
            yield item

    async def read(self, inspection_id: str) -> Snapshot:
        if inspection_id not in self.states:
            raise InspectionNotFound(inspection_id)
        return self.states[inspection_id]


def finished(inspection_id: str) -> Outcome:
    return Outcome(inspection_id, "L1", State.DONE, accept=True, result=b'{\n"verdict": "OK"}')


def announcement(number: int) -> Announcement:
    return Announcement(f"{number}-0", finished(f"id-{number}"))


def every_line(_: str) -> bool:
    return True


def with_hub(test: Callable[[Hub, Stream], Coroutine[None, None, None]], viewer_buffer: int = 4) -> None:
    async def run() -> None:
        stream = Stream()
        hub = Hub(stream, max_viewers=8, viewer_buffer=viewer_buffer, keep_alive_s=5)
        task = asyncio.create_task(hub.run())
        try:
            await test(hub, stream)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())


def test_only_those_who_wait_for_an_id_are_told_and_all_of_them() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        with hub.expecting("id-1") as one, hub.expecting("id-1") as two, hub.expecting("id-2") as other:
            stream.coming.put_nowait(announcement(1))
            assert await one.outcome(5) == await two.outcome(5) == finished("id-1")
            assert await other.outcome(0.01) is None
            assert hub.waiting == 3
        assert hub.waiting == 0

    with_hub(test)


def test_after_a_break_it_continues_behind_the_last_cursor() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        with hub.expecting("id-1") as one, hub.expecting("id-2") as two:
            stream.coming.put_nowait(announcement(1))
            stream.coming.put_nowait(QueueUnavailable("gone"))
            stream.coming.put_nowait(announcement(2))
            assert await one.outcome(5)
            assert await two.outcome(5)
        assert stream.asked == ["$", "1-0"]

    with_hub(test)


def test_an_outcome_that_passed_during_a_break_without_a_cursor_is_found() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        with hub.expecting("id-1") as waiter, hub.expecting("not-submitted"):
            stream.states["id-1"] = Snapshot(
                "id-1", "L1", State.DONE, finished("id-1"), None, has_image=True, has_attention=True
            )
            stream.coming.put_nowait(QueueUnavailable("gone"))
            assert await waiter.outcome(5) == finished("id-1")

    with_hub(test)


def test_a_slow_viewer_is_dropped_and_holds_up_nobody() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        slow = hub.watch(every_line)
        with hub.expecting("id-9") as waiter:
            for number in range(10):
                stream.coming.put_nowait(announcement(number))
            assert await waiter.outcome(5)
        # Dropped, and still one of those that are open: until its client has read the rest, it holds memory.
        assert (hub.viewing, hub.dropped) == (1, 1)
        events = [event async for event in slow]
        assert len(events) == 1 + 4  # what its buffer held, then the end: a browser comes back for the rest
        assert events[-1].startswith(b"id: 3-0\n")
        hub.leave(slow)
        assert hub.viewing == 0

    with_hub(test)


def test_an_event_is_one_line_whatever_the_worker_wrote() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        viewer = aiter(hub.watch(every_line))
        await anext(viewer)
        stream.coming.put_nowait(announcement(1))
        event = await anext(viewer)
        assert event.count(b"\n") == 4
        assert event.endswith(b"\n\n")

    with_hub(test)


def test_stopping_releases_everybody_those_to_come_too() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        viewer = hub.watch(every_line)
        with hub.expecting("id-1") as waiter:
            hub.stop()
            assert await waiter.outcome(5) is None
        with hub.expecting("id-2") as late:
            assert await late.outcome(5) is None
        assert len([event async for event in viewer]) == 1
        assert len([event async for event in hub.watch(every_line)]) == 1

    with_hub(test)


def test_it_goes_on_trying_while_the_queue_is_away() -> None:
    async def test(hub: Hub, stream: Stream) -> None:
        for _ in range(3):
            stream.coming.put_nowait(QueueUnavailable("gone"))

        async def tried_again() -> bool:
            return len(stream.asked) == 4

        await wait_until_async(tried_again, what="the fourth try")

    with_hub(test)


# --- who comes back -----------------------------------------------------------------------------------------


class Kept(Stream):
    """One that keeps what was announced, and can be read again from any place."""

    def __init__(self, numbers: range) -> None:
        super().__init__()
        self.kept = [announcement(number) for number in numbers]

    async def follow(self, after: str = "$") -> AsyncGenerator[Announcement]:
        if after != "$":
            self.asked.append(after)
            for one in self.kept:
                if int(one.cursor.partition("-")[0]) > int(after.partition("-")[0]):
                    yield one
        async for one in super().follow("$"):
            yield one


def cursors(events: list[bytes]) -> list[str]:
    return [event.split(b"\n", 1)[0].decode().removeprefix("id: ") for event in events]


async def read(viewer: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(viewer) for _ in range(count)]


def test_a_gateway_that_started_anew_reads_what_was_missed_from_the_stream() -> None:
    async def run() -> None:
        stream = Kept(range(1, 9))
        hub = Hub(stream, max_viewers=8, viewer_buffer=4, keep_alive_s=5)
        viewer = hub.watch(every_line, "3-0")
        hub._announce(announcement(8))  # it comes from the hub too, meanwhile
        events = aiter(viewer)
        await anext(events)
        assert cursors(await read(events, 5)) == [f"{number}-0" for number in range(4, 9)]
        hub._announce(announcement(9))
        assert cursors([await anext(events)]) == ["9-0"]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("one", "other", "reached"),
    [
        ("5-0", "5-0", True),
        ("5-1", "5-0", True),
        ("4-9", "5-0", False),
        ("5-0,1-0", "4-0,1-0", True),
        ("5-0,1-0", "4-0,2-0", False),
        ("5-0", "5-0,1-0", False),
        ("5", "4", True),
        ("nonsense", "5-0", False),
        ("5-0", "$", False),
    ],
)
def test_whether_a_cursor_is_behind_another_on_every_shard(one: str, other: str, reached: bool) -> None:
    assert reaches(order(one), order(other)) is reached
