"""What comes before an image that has a deadline: told before it is accepted, true of what workers take."""

from __future__ import annotations

from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inspector.errors import InspectionNotFound, NotInTime
from inspector.queue.base import Load
from tests.contract.conftest import SHORT, Bench
from tests.support.jobs import IMAGE, done, job_for, key_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)


def due(deadline_ms: int) -> datetime:
    return datetime.now(UTC) + timedelta(milliseconds=deadline_ms)


def look(bench: Bench, line: str = "L1", deadline_ms: int = 20_000) -> Load:
    return bench.run(bench.producer.require_room(line, len(IMAGE), due(deadline_ms)))


def flood(bench: Bench, count: int, line: str = "L1", **changes: Any) -> list[str]:
    changes = {"deadline_ms": 10_000, **changes}
    return [bench.submit(line=line, **changes) for _ in range(count)]


def test_before_an_image_of_an_empty_queue_nothing_comes(bench: Bench) -> None:
    load = look(bench)
    assert (load.depth, load.in_flight, load.ahead) == (0, 0, 0)


def test_who_does_not_ask_is_told_the_work_alone(bench: Bench) -> None:
    flood(bench, 3)
    bench.take_one(bench.consumer())
    load = bench.run(bench.producer.require_room("L1", len(IMAGE)))
    assert (load.depth, load.in_flight, load.ahead) == (3, 1, None)


def test_each_stored_image_tells_the_work_before_it(bench: Bench) -> None:
    job = job_for()
    flood(bench, 2)
    bench.take_one(bench.consumer())
    load = bench.run(bench.producer.submit(job, IMAGE)).load
    assert load is not None
    assert (load.depth, load.in_flight) == (2, 1)


def test_outcomes_and_loads_are_of_one_clock(bench: Bench) -> None:
    async def first() -> int:
        async with aclosing(bench.results.follow("0")) as outcomes:
            return (await anext(outcomes)).at_ms

    consumer = bench.consumer()
    bench.submit()
    before = look(bench).at_ms
    consumer.finish([done(bench.take_one(consumer))])
    assert before <= bench.run(first()) <= look(bench).at_ms


def placed(bench: Bench, hold: int) -> None:
    """Workers have seen all that waits, and hold some."""
    bench.consumer("holds").take(hold, NO_WAIT)


@pytest.mark.parametrize("hold", [0, 3], ids=["nobody-looked-yet", "three-in-hand"])
@pytest.mark.parametrize(
    ("images", "deadline_ms"),
    [
        ({"L1": 12}, 20_000),
        ({"L1": 12}, 5_000),
        ({"L2": 12}, 20_000),
        ({"L2": 12, "L3": 4}, 20_000),
        ({"L1": 4, "L2": 12}, 20_000),
        ({"L2": 12, "L1": 4}, 20_000),
        ({"L2": 3, "L1": 6, "L3": 12}, 20_000),
        ({"L2": 12, "L1": 4, "L3": 12}, 5_000),
    ],
)
def test_so_many_are_taken_before_it(
    bench: Bench, images: dict[str, int], deadline_ms: int, hold: int
) -> None:
    for line, count in images.items():
        flood(bench, count, line)
    if hold:
        placed(bench, hold)
    ahead = look(bench, "L1", deadline_ms).ahead
    probe = bench.submit(line="L1", deadline_ms=deadline_ms)
    order = [delivery.job.id for delivery in bench.consumer("takes").take(100, NO_WAIT)]
    assert ahead == hold + order.index(probe)


def test_re_inspections_and_what_is_late_are_not_ahead(bench: Bench) -> None:
    flood(bench, 5, priority="reinspection", deadline_ms=None)
    flood(bench, 5, received_at=datetime.now(UTC) - timedelta(seconds=11))
    placed(bench, 1)
    flood(bench, 5, priority="reinspection", deadline_ms=None)
    assert look(bench).ahead == 1


def test_what_a_dead_worker_holds_is_soon_not_ahead(bench: Bench) -> None:
    flood(bench, 4)
    bench.consumer("dies").take(4, NO_WAIT)
    impatient = bench.other_producer(SHORT)

    def ahead() -> int | None:
        return bench.run(impatient.require_room("L1", len(IMAGE), due(20_000))).ahead

    wait_until(lambda: ahead() == 0, what="nothing ahead")
    assert look(bench).ahead == 4


def test_an_image_with_too_much_ahead_is_not_stored(bench: Bench) -> None:
    flood(bench, 3)
    refused = job_for(deadline_ms=20_000)
    with pytest.raises(NotInTime) as late:
        bench.run(bench.producer.submit(refused, IMAGE, key_for(refused), most_ahead=2))
    assert late.value.ahead == 3
    with pytest.raises(InspectionNotFound):
        bench.run(bench.results.read(refused.id))
    assert bench.run(bench.admin.status()).depth == 3
    again = bench.run(bench.producer.submit(refused, IMAGE, key_for(refused), most_ahead=3))
    assert again.created


def test_of_images_at_one_moment_no_more_are_stored_than_fit(bench: Bench) -> None:
    """No worker looked in between."""
    stored = 0
    for _ in range(20):
        job = job_for(deadline_ms=20_000)
        with suppress(NotInTime):
            stored += bench.run(bench.producer.submit(job, IMAGE, most_ahead=7)).created
    assert stored == 8


def test_what_is_known_is_answered_whatever_is_ahead(bench: Bench) -> None:
    job, again = job_for(deadline_ms=20_000), job_for(deadline_ms=20_000)
    bench.run(bench.producer.submit(job, IMAGE, key_for(job)))
    known = bench.run(bench.producer.submit(again, IMAGE, key_for(again), most_ahead=0))
    assert (known.id, known.created) == (job.id, False)
