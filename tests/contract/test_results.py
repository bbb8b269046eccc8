"""What a gateway reads: states, the recent ones, and the stream of outcomes."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from inspector.errors import ImageGone, InspectionNotFound
from inspector.messages.result import State
from inspector.queue.base import Announcement, Budgets, FinishStatus
from tests.contract.conftest import Bench, OpenBench
from tests.contract.test_finish import announced
from tests.support.jobs import IMAGE, RESULT, done, job_for, key_for
from tests.support.waiting import wait_until

NO_WAIT = timedelta(0)


def inspect(bench: Bench, result: bytes = RESULT) -> str:
    """One image all the way."""
    inspection = bench.submit()
    consumer = bench.consumer()
    assert consumer.finish([done(bench.take_one(consumer), result)]) == [FinishStatus.RECORDED]
    return inspection


def test_an_unknown_id_is_not_found(bench: Bench) -> None:
    for question in (bench.results.read, bench.results.image, bench.results.attention):
        with pytest.raises(InspectionNotFound):
            bench.run(question("nobody"))


def test_latest_are_the_finished_ones_newest_first(bench: Bench) -> None:
    assert bench.run(bench.results.latest(5)) == []
    ids = [inspect(bench, b'{"n":%d}' % n) for n in range(3)]
    bench.submit()
    latest = bench.run(bench.results.latest(2))
    assert [(one.id, one.result) for one in latest] == [(ids[2], b'{"n":2}'), (ids[1], b'{"n":1}')]
    assert bench.run(bench.results.latest(0)) == []


def test_the_ring_lets_the_oldest_go_and_keeps_their_state(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=2500))
    ids = [inspect(bench, b'"' + b"r" * 300 + b'"') for _ in range(4)]
    kept = [one.id for one in bench.run(bench.results.latest(10))]
    assert 1 <= len(kept) < 4
    assert kept == ids[::-1][: len(kept)]
    assert bench.run(bench.admin.status()).recent_bytes <= 2500
    oldest = bench.run(bench.results.read(ids[0]))
    assert (oldest.state, oldest.job, oldest.has_image, oldest.has_attention) == (
        State.DONE,
        None,
        False,
        False,
    )
    assert oldest.outcome is not None
    assert (oldest.outcome.accept, oldest.outcome.result) == (True, None)
    for question in (bench.results.image, bench.results.attention):
        with pytest.raises(ImageGone):
            bench.run(question(ids[0]))


def test_the_newest_stays_in_a_ring_that_is_too_small_for_it(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=1))
    ids = [inspect(bench) for _ in range(2)]
    assert [one.id for one in bench.run(bench.results.latest(10))] == [ids[1]]


def test_the_ring_never_takes_an_image_that_is_not_finished(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(recent_bytes=1))
    inspect(bench)
    waiting = bench.submit()
    for _ in range(3):
        held = bench.run(bench.producer.submit(job_for(), IMAGE))
        assert held.created
    consumer = bench.consumer()
    deliveries = consumer.take(10, NO_WAIT)
    consumer.finish([done(delivery) for delivery in deliveries[1:]])
    assert bench.run(bench.results.image(waiting)) == ("jpeg", IMAGE)


def test_a_finished_id_and_its_key_are_forgotten_and_a_waiting_one_never(open_bench: OpenBench) -> None:
    bench = open_bench(Budgets(forget_after=timedelta(milliseconds=60)))
    waiting = job_for()
    finished = job_for()
    bench.run(bench.producer.submit(finished, IMAGE, key_for(finished, "finished")))
    consumer = bench.consumer()
    consumer.finish([done(bench.take_one(consumer))])
    bench.run(bench.producer.submit(waiting, IMAGE, key_for(waiting, "waiting")))

    def forgotten() -> bool:
        try:
            bench.run(bench.results.read(finished.id))
        except InspectionNotFound:
            return True
        return False

    wait_until(forgotten, what="the finished id forgotten")
    assert bench.run(bench.results.read(waiting.id)).state is State.QUEUED
    again = job_for()
    assert bench.run(bench.producer.submit(again, IMAGE, key_for(again, "waiting"))).id == waiting.id
    assert bench.run(bench.producer.submit(again, IMAGE, key_for(again, "finished"))).created
    assert [one.id for one in bench.run(bench.results.latest(5))] == []


def test_following_goes_on_behind_a_cursor(bench: Bench) -> None:
    for _ in range(3):
        inspect(bench)
    first, second, third = announced(bench, 3)

    async def next_behind(cursor: str) -> Announcement:
        return await anext(bench.results.follow(cursor))

    assert bench.run(next_behind(first.cursor)) == second
    assert bench.run(next_behind(second.cursor)) == third


def test_following_from_now_gives_only_what_comes(bench: Bench) -> None:
    inspect(bench)
    inspection = bench.submit()
    consumer = bench.consumer()
    delivery = bench.take_one(consumer)

    async def first_from_now() -> Announcement:
        stream = bench.results.follow()
        coming = asyncio.ensure_future(anext(stream))
        # Long enough for the reader to have asked where "now" is; finishing is another thread's.
        await asyncio.sleep(0.2)
        await asyncio.to_thread(consumer.finish, [done(delivery)])
        return await coming

    assert bench.run(first_from_now()).outcome.id == inspection


def test_two_followers_see_the_same(bench: Bench) -> None:
    inspect(bench)

    async def both() -> list[Announcement]:
        return list(await asyncio.gather(*(anext(bench.results.follow("0")) for _ in range(2))))

    one, two = bench.run(both())
    assert one == two
