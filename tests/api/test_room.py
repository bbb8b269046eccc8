"""When the queue is asked for room before a body is read, and when it is known already."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.admission import Admission
from api.metrics import Metrics
from api.room import LINES, ROOMY, Room
from inspector.errors import Busy
from inspector.queue import connect
from inspector.queue.base import Budgets, Load, Producer, Submission
from inspector.queue.memory import MemoryProducer, MemoryQueue
from tests.support.images import grey_png, job_of
from tests.support.servers import KINDS, QueueServer

IMAGE = grey_png()


class Counting(MemoryProducer):
    """Counts the looks."""

    def __init__(self, budgets: Budgets) -> None:
        super().__init__(MemoryQueue(budgets).store, timedelta(seconds=10))
        self.looks = 0

    async def require_room(self, line: str, image_bytes: int, deadline: datetime | None = None) -> Load:
        self.looks += 1
        return await super().require_room(line, image_bytes, deadline)


def room_at(producer: Producer) -> Room:
    return Room(producer, Admission(Metrics([], []), share=0.8))


def stored(fullness: float) -> Submission:
    return Submission("id", created=True, fullness=fullness)


def looks(*fullness: float, asked: str = "L1") -> int:
    """How many there were before the next image, behind images of L1 that left the queue so full."""

    async def run() -> int:
        producer = Counting(Budgets())
        room = room_at(producer)
        for one in fullness:
            room.saw("L1", stored(one))
        await room.require(asked, 1000, None)
        return producer.looks

    return asyncio.run(run())


def test_nothing_is_known_at_first() -> None:
    assert looks() == 1


def test_behind_an_image_that_found_much_room_there_is_no_look() -> None:
    assert looks(0.01) == 0
    assert looks(ROOMY) == 0


def test_of_a_queue_that_fills_or_of_another_line_nothing_is_known() -> None:
    assert looks(ROOMY + 0.01) == 1
    assert looks(0.01, 0.9) == 1
    assert looks(1.0) == 1
    assert looks(0.01, asked="L2") == 1


def test_it_is_not_believed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.room.FRESH_S", -1.0)
    assert looks(0.01) == 1


def test_clients_cannot_make_it_remember_more_than_so_many_lines() -> None:
    producer = Counting(Budgets())
    room = room_at(producer)
    for number in range(LINES + 10):
        room.saw(f"L{number}", stored(0.0))
    assert len(room._roomy_until) == LINES

    room.saw("a line that came late", stored(0.0))
    asyncio.run(room.require("a line that came late", 1000, None))
    assert producer.looks == 0


def test_a_full_queue_is_busy_at_the_look() -> None:
    async def run() -> None:
        producer = Counting(Budgets(max_depth=1))
        await producer.submit(job_of(IMAGE), IMAGE)
        await room_at(producer).require("L1", 1000, None)

    with pytest.raises(Busy):
        asyncio.run(run())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "budgets",
    [
        Budgets(max_depth=4),
        Budgets(line_max_depth=4),
        Budgets(max_bytes=4 * len(IMAGE)),
        Budgets(line_max_bytes=4 * len(IMAGE)),
    ],
    ids=["depth", "line-depth", "bytes", "line-bytes"],
)
def test_each_stored_image_tells_how_full_the_fullest_budget_is(
    kind: str, budgets: Budgets, tmp_path: Path
) -> None:
    async def run(url: str) -> list[float]:
        producer = connect.producer(url, budgets)
        try:
            stored = [await producer.submit(job_of(IMAGE, line="L1"), IMAGE) for _ in range(4)]
        finally:
            await producer.aclose()
        return [one.fullness for one in stored]

    with QueueServer(kind, tmp_path) as server:
        assert asyncio.run(run(server.url)) == pytest.approx([0.25, 0.5, 0.75, 1.0], abs=0.01)
